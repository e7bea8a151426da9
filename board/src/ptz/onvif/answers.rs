//! What a camera tells: its clock, services, profiles, heads and their spaces, and where it looks.

use roxmltree::Node;

use super::messages::Service;
use super::soap::{SoapError, child, child_text, children, descend, text};
use super::time::Utc;

/// Where the services are that matter here.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Addresses {
    /// The address of [`Service::Media`].
    pub media: Option<String>,
    /// The address of [`Service::Media2`].
    pub media2: Option<String>,
    /// The address of [`Service::Ptz`].
    pub ptz: Option<String>,
}

/// A media profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// What it is asked for by.
    pub token: String,
    /// How it uses a head, if it does.
    pub head: Option<Configuration>,
}

/// How a profile uses a head.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Configuration {
    /// What it is asked for by.
    pub token: String,
    /// The head.
    pub node: String,
    /// The space in which positions are meant that name none.
    pub position_space: Option<String>,
    /// Where pan and tilt end.
    pub limits: Option<Space>,
}

/// What a head understands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeadNode {
    /// What it is called by.
    pub token: String,
    /// What it counts in.
    pub spaces: Spaces,
}

/// What a head counts in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spaces {
    /// Places.
    pub absolute: Vec<Space>,
    /// Steps.
    pub relative: Vec<Space>,
    /// Speeds with a direction.
    pub continuous: Vec<Space>,
    /// Speeds without one.
    pub speed: Vec<Space>,
}

/// A unit in which a head counts, and how far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Space {
    /// Its name.
    pub uri: String,
    /// Pan, or both axes for a speed: the first lies below the second.
    pub x: [f64; 2],
    /// Tilt; for a speed the same as `x`.
    pub y: [f64; 2],
}

impl Space {
    /// Whether it counts in degrees, or degrees a second.
    pub fn is_in_degrees(&self) -> bool {
        is_in_degrees(&self.uri)
    }
}

/// Whether a space of that name counts in degrees: `SphericalPositionSpaceDegrees`, `VelocitySpaceDegrees`, and the
/// `SphericalPositionSpace` of older cameras (PTZ service specification, 5.7).
pub fn is_in_degrees(space: &str) -> bool {
    space.ends_with("Degrees") || space.contains("/Spherical")
}

/// Where a camera looks, as far as it tells.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Status {
    /// Pan and tilt.
    pub position: Option<[f64; 2]>,
    /// The space they are meant in.
    pub space: Option<String>,
    /// Whether it moves.
    pub moving: Option<bool>,
}

/// A place that a camera remembers.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// What it is asked for by.
    pub token: String,
    /// What people call it.
    pub name: String,
}

/// Reads `GetSystemDateAndTimeResponse`.
///
/// # Errors
/// When it tells no time in UTC.
pub fn system_date_and_time(answer: Node<'_, '_>) -> Result<Utc, SoapError> {
    let moment = descend(answer, &["SystemDateAndTime", "UTCDateTime"]).and_then(|moment| {
        let fields = |part: &str, names: [&str; 3]| {
            let part = child(moment, part)?;
            let [a, b, c] = names.map(|name| child_text(part, name)?.parse::<i64>().ok());
            Some([a?, b?, c?])
        };
        Utc::from_fields(
            fields("Date", ["Year", "Month", "Day"])?,
            fields("Time", ["Hour", "Minute", "Second"])?,
        )
    });
    moment.ok_or(SoapError::Lacking("time of day in UTC"))
}

/// Reads `GetServicesResponse`.
///
/// # Errors
/// None: a camera without services has none.
pub fn services(answer: Node<'_, '_>) -> Result<Addresses, SoapError> {
    let mut addresses = Addresses::default();
    for service in children(answer, "Service") {
        let address = child_text(service, "XAddr").map(str::to_owned);
        match child_text(service, "Namespace") {
            Some(name) if name == Service::Media.namespace() => addresses.media = address,
            Some(name) if name == Service::Media2.namespace() => addresses.media2 = address,
            Some(name) if name == Service::Ptz.namespace() => addresses.ptz = address,
            _ => {}
        }
    }
    Ok(addresses)
}

/// Reads `GetCapabilitiesResponse`.
///
/// # Errors
/// None: a camera without capabilities has none.
pub fn capabilities(answer: Node<'_, '_>) -> Result<Addresses, SoapError> {
    let address = |name| {
        let service = descend(answer, &["Capabilities", name, "XAddr"])?;
        text(service).map(str::to_owned)
    };
    Ok(Addresses {
        media: address("Media"),
        media2: None,
        ptz: address("PTZ"),
    })
}

/// Reads `GetProfilesResponse` of either media service.
///
/// # Errors
/// None: profiles without a token are passed over.
pub fn profiles(answer: Node<'_, '_>) -> Result<Vec<Profile>, SoapError> {
    let profile = |profile: Node<'_, '_>| {
        let head = child(profile, "PTZConfiguration").or_else(|| descend(profile, &["Configurations", "PTZ"]));
        Some(Profile {
            token: token(profile)?,
            head: head.map(configuration),
        })
    };
    Ok(children(answer, "Profiles").filter_map(profile).collect())
}

fn configuration(node: Node<'_, '_>) -> Configuration {
    Configuration {
        token: token(node).unwrap_or_default(),
        node: child_text(node, "NodeToken").unwrap_or_default().to_owned(),
        // The schema itself misspells it.
        position_space: child_text(node, "DefaultAbsolutePantTiltPositionSpace").map(str::to_owned),
        limits: descend(node, &["PanTiltLimits", "Range"]).and_then(space),
    }
}

/// Reads `GetNodesResponse`.
///
/// # Errors
/// None: a camera without heads has none.
pub fn nodes(answer: Node<'_, '_>) -> Result<Vec<HeadNode>, SoapError> {
    let node = |node: Node<'_, '_>| HeadNode {
        token: token(node).unwrap_or_default(),
        spaces: child(node, "SupportedPTZSpaces").map(spaces).unwrap_or_default(),
    };
    Ok(children(answer, "PTZNode").map(node).collect())
}

/// Reads `GetConfigurationOptionsResponse`.
///
/// # Errors
/// When it tells no spaces.
pub fn configuration_options(answer: Node<'_, '_>) -> Result<Spaces, SoapError> {
    descend(answer, &["PTZConfigurationOptions", "Spaces"])
        .map(spaces)
        .ok_or(SoapError::Lacking("spaces of the head"))
}

fn spaces(node: Node<'_, '_>) -> Spaces {
    let all = |name| children(node, name).filter_map(space).collect();
    Spaces {
        absolute: all("AbsolutePanTiltPositionSpace"),
        relative: all("RelativePanTiltTranslationSpace"),
        continuous: all("ContinuousPanTiltVelocitySpace"),
        speed: all("PanTiltSpeedSpace"),
    }
}

fn space(node: Node<'_, '_>) -> Option<Space> {
    let range = |name| {
        let range = child(node, name)?;
        let ends = [number(child_text(range, "Min")?)?, number(child_text(range, "Max")?)?];
        (ends[0] < ends[1]).then_some(ends)
    };
    let x = range("XRange")?;
    Some(Space {
        uri: child_text(node, "URI")?.to_owned(),
        x,
        y: range("YRange").unwrap_or(x),
    })
}

/// Reads `GetStatusResponse`.
///
/// # Errors
/// When it holds no status.
pub fn status(answer: Node<'_, '_>) -> Result<Status, SoapError> {
    let status = child(answer, "PTZStatus").ok_or(SoapError::Lacking("status of the head"))?;
    let place = descend(status, &["Position", "PanTilt"]);
    let axis = |name| number(place?.attribute(name)?);
    let moving = descend(status, &["MoveStatus", "PanTilt"]).and_then(text);
    Ok(Status {
        position: axis("x").zip(axis("y")).map(|(x, y)| [x, y]),
        space: place
            .and_then(|place| place.attribute("space"))
            .filter(|space| !space.is_empty())
            .map(str::to_owned),
        moving: match moving {
            Some("MOVING") => Some(true),
            Some("IDLE") => Some(false),
            _ => None,
        },
    })
}

/// Reads `GetPresetsResponse`.
///
/// # Errors
/// None: presets without a token are passed over.
pub fn presets(answer: Node<'_, '_>) -> Result<Vec<Preset>, SoapError> {
    let preset = |preset: Node<'_, '_>| {
        Some(Preset {
            token: token(preset)?,
            name: child_text(preset, "Name").unwrap_or_default().to_owned(),
        })
    };
    Ok(children(answer, "Preset").filter_map(preset).collect())
}

fn token(node: Node<'_, '_>) -> Option<String> {
    node.attribute("token")
        .filter(|token| !token.is_empty())
        .map(str::to_owned)
}

fn number(text: &str) -> Option<f64> {
    // No axis of a head counts to a million; what lies beyond is a way to say "infinite".
    let number: f64 = text.trim().parse().ok()?;
    (number.abs() <= 1e6).then_some(number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::soap::read_body;
    use super::*;

    fn read<T>(
        name: &str,
        content: &str,
        reader: impl FnOnce(Node<'_, '_>) -> Result<T, SoapError>,
    ) -> Result<T, SoapError> {
        let text = format!("<Envelope><Body><{name}>{content}</{name}></Body></Envelope>");
        read_body(&text, name, reader)
    }

    #[test]
    fn a_status_may_lack_anything() {
        let of = |content: &str| read("R", &format!("<PTZStatus>{content}</PTZStatus>"), status).unwrap();
        assert_eq!(of(""), Status::default());
        let whole = of(
            "<Position><PanTilt x='0.5' y=' -1e-1 ' space='urn:SpaceDegrees'/></Position>\
                        <MoveStatus><PanTilt>MOVING</PanTilt></MoveStatus>",
        );
        assert_eq!(whole.position, Some([0.5, -0.1]));
        assert_eq!(whole.space.as_deref(), Some("urn:SpaceDegrees"));
        assert_eq!(whole.moving, Some(true));
        let odd =
            of("<Position><PanTilt x='nan' y='0'/></Position><MoveStatus><PanTilt>UNKNOWN</PanTilt></MoveStatus>");
        assert_eq!(odd, Status::default());
        assert_eq!(read("R", "", status), Err(SoapError::Lacking("status of the head")));
    }

    #[test]
    fn profiles_of_both_media_services_are_read() {
        let old = "<Profiles token='a'/><Profiles token='b'><PTZConfiguration token='c'><NodeToken>n</NodeToken>\
                   </PTZConfiguration></Profiles><Profiles/>";
        let new = "<Profiles token='a'/><Profiles token='b'><Configurations><PTZ token='c'><NodeToken>n</NodeToken></PTZ>\
                   </Configurations></Profiles>";
        for content in [old, new] {
            let profiles = read("R", content, profiles).unwrap();
            assert_eq!(profiles.len(), 2);
            assert_eq!(profiles[0].head, None);
            let head = profiles[1].head.as_ref().unwrap();
            assert_eq!((head.token.as_str(), head.node.as_str()), ("c", "n"));
        }
    }

    #[test]
    fn a_space_without_a_range_is_none() {
        let space = |range: &str| {
            let content = format!(
                "<PTZNode token='n'><SupportedPTZSpaces><AbsolutePanTiltPositionSpace><URI>u</URI>{range}\
                 </AbsolutePanTiltPositionSpace></SupportedPTZSpaces></PTZNode>"
            );
            read("R", &content, nodes).unwrap().remove(0).spaces.absolute
        };
        let range = |name: &str, low: &str, high: &str| format!("<{name}><Min>{low}</Min><Max>{high}</Max></{name}>");
        assert_eq!(space(""), []);
        assert_eq!(space(&range("XRange", "1", "-1")), []);
        let whole = space(&(range("XRange", "-1", "1.0") + &range("YRange", "-0.5", "1")));
        assert_eq!((whole[0].x, whole[0].y), ([-1.0, 1.0], [-0.5, 1.0]));
    }

    proptest! {
        #[test]
        fn no_answer_makes_a_reader_panic(
            names in prop::collection::vec("(PTZStatus|Position|PanTilt|Profiles|PTZNode|UTCDateTime|SystemDateAndTime|Date|Time|Year|Min|URI|Service|XAddr)", 1..8),
            value in "[-+0-9.eEinfa]{0,12}",
        ) {
            let open: String = names.iter().map(|name| format!("<{name} token='{value}' x='{value}' y='{value}'>")).collect();
            let close: String = names.iter().rev().map(|name| format!("</{name}>")).collect();
            let content = format!("{open}{value}{close}");
            let _ = read("R", &content, system_date_and_time);
            let _ = read("R", &content, services);
            let _ = read("R", &content, capabilities);
            let _ = read("R", &content, profiles);
            let _ = read("R", &content, nodes);
            let _ = read("R", &content, configuration_options);
            let _ = read("R", &content, presets);
            if let Ok(status) = read("R", &content, status) {
                prop_assert!(status.position.is_none_or(|place| place.iter().all(|axis| axis.is_finite())));
            }
        }
    }
}
