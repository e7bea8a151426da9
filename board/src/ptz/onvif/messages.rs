//! What is asked of a camera (ONVIF Core, Media, Media2 and PTZ service specifications).

use super::soap::escaped;

const SCHEMA: &str = "http://www.onvif.org/ver10/schema";

/// A service of a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// What every camera has.
    Device,
    /// Profiles.
    Media,
    /// Profiles of newer cameras.
    Media2,
    /// The head.
    Ptz,
}

impl Service {
    /// The namespace that names it.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Device => "http://www.onvif.org/ver10/device/wsdl",
            Self::Media => "http://www.onvif.org/ver10/media/wsdl",
            Self::Media2 => "http://www.onvif.org/ver20/media/wsdl",
            Self::Ptz => "http://www.onvif.org/ver20/ptz/wsdl",
        }
    }
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who is asked.
    pub service: Service,
    /// The name of the request; that of its answer ends in `Response`.
    pub name: &'static str,
    content: String,
}

/// A point or a step along both axes in a space of the camera.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector {
    /// Pan.
    pub x: f64,
    /// Tilt.
    pub y: f64,
    /// The space, unless it is the camera's usual one.
    pub space: Option<String>,
}

impl Vector {
    fn element(&self) -> String {
        let space = self
            .space
            .as_deref()
            .map_or(String::new(), |space| format!(" space=\"{}\"", escaped(space)));
        format!("<tt:PanTilt x=\"{:.6}\" y=\"{:.6}\"{space}/>", self.x, self.y)
    }
}

impl Message {
    fn new(service: Service, name: &'static str, content: String) -> Self {
        Self { service, name, content }
    }

    fn of_profile(name: &'static str, profile: &str, content: &str) -> Self {
        let profile = escaped(profile);
        Self::new(
            Service::Ptz,
            name,
            format!("<w:ProfileToken>{profile}</w:ProfileToken>{content}"),
        )
    }

    /// What the camera's clock shows.
    pub fn get_system_date_and_time() -> Self {
        Self::new(Service::Device, "GetSystemDateAndTime", String::new())
    }

    /// Where its services are.
    pub fn get_services() -> Self {
        let content = "<w:IncludeCapability>false</w:IncludeCapability>".to_owned();
        Self::new(Service::Device, "GetServices", content)
    }

    /// Where its services are, asked of older cameras.
    pub fn get_capabilities() -> Self {
        let content = "<w:Category>All</w:Category>".to_owned();
        Self::new(Service::Device, "GetCapabilities", content)
    }

    /// Its media profiles, asked of [`Service::Media`] or [`Service::Media2`].
    pub fn get_profiles(service: Service) -> Self {
        let content = match service {
            Service::Media2 => "<w:Type>PTZ</w:Type>".to_owned(),
            _ => String::new(),
        };
        Self::new(service, "GetProfiles", content)
    }

    /// Its heads.
    pub fn get_nodes() -> Self {
        Self::new(Service::Ptz, "GetNodes", String::new())
    }

    /// What a configuration of the head may be: tells the spaces where [`get_nodes`](Self::get_nodes) is not answered.
    pub fn get_configuration_options(configuration: &str) -> Self {
        let token = escaped(configuration);
        let content = format!("<w:ConfigurationToken>{token}</w:ConfigurationToken>");
        Self::new(Service::Ptz, "GetConfigurationOptions", content)
    }

    /// Where it looks and whether it moves.
    pub fn get_status(profile: &str) -> Self {
        Self::of_profile("GetStatus", profile, "")
    }

    /// The places that it remembers.
    pub fn get_presets(profile: &str) -> Self {
        Self::of_profile("GetPresets", profile, "")
    }

    /// To a place.
    pub fn absolute_move(profile: &str, position: &Vector, speed: Option<&Vector>) -> Self {
        Self::of_profile("AbsoluteMove", profile, &placement("Position", position, speed))
    }

    /// By a step.
    pub fn relative_move(profile: &str, translation: &Vector, speed: Option<&Vector>) -> Self {
        Self::of_profile("RelativeMove", profile, &placement("Translation", translation, speed))
    }

    /// At a speed, for a time in whole seconds: some cameras read no fractions.
    pub fn continuous_move(profile: &str, velocity: &Vector, timeout_seconds: Option<u32>) -> Self {
        let timeout = timeout_seconds.map_or(String::new(), |seconds| format!("<w:Timeout>PT{seconds}S</w:Timeout>"));
        let content = format!("{}{timeout}", placement("Velocity", velocity, None));
        Self::of_profile("ContinuousMove", profile, &content)
    }

    /// No further.
    pub fn stop(profile: &str) -> Self {
        Self::of_profile("Stop", profile, "<w:PanTilt>true</w:PanTilt><w:Zoom>true</w:Zoom>")
    }

    /// Home.
    pub fn goto_home_position(profile: &str) -> Self {
        Self::of_profile("GotoHomePosition", profile, "")
    }

    /// To a place that it remembers.
    pub fn goto_preset(profile: &str, preset: &str) -> Self {
        let preset = escaped(preset);
        Self::of_profile(
            "GotoPreset",
            profile,
            &format!("<w:PresetToken>{preset}</w:PresetToken>"),
        )
    }

    /// The URI that names the request.
    pub fn action(&self) -> String {
        format!("{}/{}", self.service.namespace(), self.name)
    }

    /// The name of the element that answers it.
    pub fn answer(&self) -> String {
        format!("{}Response", self.name)
    }

    /// The element of its body.
    pub fn body(&self) -> String {
        let (name, namespace) = (self.name, self.service.namespace());
        format!(
            "<w:{name} xmlns:w=\"{namespace}\" xmlns:tt=\"{SCHEMA}\">{}</w:{name}>",
            self.content
        )
    }
}

fn placement(name: &str, vector: &Vector, speed: Option<&Vector>) -> String {
    let speed = speed.map_or(String::new(), |speed| format!("<w:Speed>{}</w:Speed>", speed.element()));
    format!("<w:{name}>{}</w:{name}>{speed}", vector.element())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_is_written_for_whole_seconds() {
        let velocity = Vector {
            x: 0.5,
            y: -0.25,
            space: None,
        };
        let message = Message::continuous_move("a&b", &velocity, Some(2));
        assert_eq!(
            message.body(),
            "<w:ContinuousMove xmlns:w=\"http://www.onvif.org/ver20/ptz/wsdl\" \
             xmlns:tt=\"http://www.onvif.org/ver10/schema\"><w:ProfileToken>a&amp;b</w:ProfileToken>\
             <w:Velocity><tt:PanTilt x=\"0.500000\" y=\"-0.250000\"/></w:Velocity><w:Timeout>PT2S</w:Timeout>\
             </w:ContinuousMove>"
        );
        assert_eq!(message.action(), "http://www.onvif.org/ver20/ptz/wsdl/ContinuousMove");
    }
}
