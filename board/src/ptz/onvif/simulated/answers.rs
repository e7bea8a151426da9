//! What a simulated camera says, after the schemas of ONVIF.

use std::fmt::Write as _;
use std::time::Duration;

use roxmltree::Node;

use super::{Shared, State};
use crate::ptz::onvif::messages::Service;
use crate::ptz::onvif::soap::{SoapError, child, child_text, descend, escaped, read_document, text};

const SPACES: &str = "http://www.onvif.org/ver10/tptz/PanTiltSpaces";

/// An answer and its HTTP status.
pub(super) struct Said {
    pub status: u16,
    pub envelope: String,
}

fn said(status: u16, body: &str) -> Said {
    let mut envelope = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><SOAP-ENV:Envelope");
    for (prefix, namespace) in [
        ("SOAP-ENV", "http://www.w3.org/2003/05/soap-envelope"),
        ("tt", "http://www.onvif.org/ver10/schema"),
        ("tds", Service::Device.namespace()),
        ("trt", Service::Media.namespace()),
        ("tr2", Service::Media2.namespace()),
        ("tptz", Service::Ptz.namespace()),
        ("ter", "http://www.onvif.org/ver10/error"),
    ] {
        let _ = write!(envelope, " xmlns:{prefix}=\"{namespace}\"");
    }
    let _ = write!(
        envelope,
        "><SOAP-ENV:Header/><SOAP-ENV:Body>{body}</SOAP-ENV:Body></SOAP-ENV:Envelope>"
    );
    Said { status, envelope }
}

pub(super) fn fault(code: &str, subcode: &str, reason: &str) -> Said {
    let status = if code == "Sender" { 400 } else { 500 };
    said(
        status,
        &format!(
            "<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:{code}</SOAP-ENV:Value><SOAP-ENV:Subcode>\
             <SOAP-ENV:Value>ter:{subcode}</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code><SOAP-ENV:Reason>\
             <SOAP-ENV:Text xml:lang=\"en\">{}</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault>",
            escaped(reason)
        ),
    )
}

fn with_request<T>(envelope: &str, read: impl FnOnce(Node<'_, '_>) -> T) -> Option<T> {
    read_document(envelope, |document| {
        let request = child(document.root_element(), "Body").and_then(|body| body.first_element_child());
        request.map(read).ok_or(SoapError::Lacking("request"))
    })
    .ok()
}

pub(super) fn name_of(envelope: &str) -> String {
    with_request(envelope, |request| request.tag_name().name().to_owned()).unwrap_or_default()
}

pub(super) fn answer(envelope: &str, host: &str, state: &mut State, shared: &Shared) -> Said {
    with_request(envelope, |request| {
        let name = request.tag_name().name();
        let claimed = state.behaviour.claims_to_be_at.clone();
        let host = claimed.as_deref().unwrap_or(host);
        let content = match name {
            "GetSystemDateAndTime" => Some(("tds", date_and_time(state, shared))),
            "GetServices" if !state.behaviour.is_old => Some(("tds", services(state, host))),
            "GetCapabilities" => Some(("tds", capabilities(state, host))),
            "GetDeviceInformation" => Some((
                "tds",
                "<tds:Manufacturer>Lookhear</tds:Manufacturer><tds:Model>simulated</tds:Model>\
                 <tds:FirmwareVersion>1</tds:FirmwareVersion><tds:SerialNumber>1</tds:SerialNumber>\
                 <tds:HardwareId>1</tds:HardwareId>"
                    .to_owned(),
            )),
            "GetProfiles" if state.behaviour.is_new => Some(("tr2", profiles(state))),
            "GetProfiles" => Some(("trt", profiles(state))),
            "GetNodes" => Some(("tptz", nodes(state))),
            "GetPresets" => Some(("tptz", presets(state))),
            "GetStatus" => Some(("tptz", status(state, shared))),
            _ => None,
        };
        match content {
            Some((prefix, content)) => said(
                200,
                &format!("<{prefix}:{name}Response>{content}</{prefix}:{name}Response>"),
            ),
            None => match act(request, state, shared.clock.now()) {
                Ok(()) if state.behaviour.slips => said(200, &format!("<ptz:{name}Response/>")),
                Ok(()) => said(200, &format!("<tptz:{name}Response/>")),
                Err((code, subcode)) => fault(code, subcode, &format!("{name} is not possible")),
            },
        }
    })
    .unwrap_or_else(|| fault("Sender", "WellFormed", "The request cannot be read"))
}

const NEVER: (&str, &str) = ("Receiver", "ActionNotSupported");

/// Does what it is told.
fn act(request: Node<'_, '_>, state: &mut State, now: Duration) -> Result<(), (&'static str, &'static str)> {
    let behaviour = &state.behaviour;
    if child_text(request, "ProfileToken") != Some(&behaviour.profile) {
        return Err(("Sender", "NoProfile"));
    }
    let vector = |name: &str| {
        let vector = descend(request, &[name, "PanTilt"])?;
        let axis = |name| vector.attribute(name)?.trim().parse::<f64>().ok();
        let spherical = vector
            .attribute("space")
            .is_some_and(|space| space.ends_with("Degrees"));
        Some(([axis("x")?, axis("y")?], spherical))
    };
    let speed = vector("Speed").map_or([1.0; 2], |(speed, _)| speed);
    match request.tag_name().name() {
        "AbsoluteMove" if behaviour.takes_places => {
            let (at, spherical) = vector("Position").ok_or(("Sender", "InvalidPosition"))?;
            let at = match (spherical, behaviour.counts_in_degrees) {
                (false, _) => at,
                (true, true) => [at[0] / 180.0, (at[1] - 30.0) / 60.0],
                (true, false) => return Err(("Sender", "SpaceNotSupported")),
            };
            if at.iter().any(|axis| axis.abs() > 1.0) {
                return Err(("Sender", "InvalidPosition"));
            }
            state.head.turn(now, at, speed);
        }
        "RelativeMove" if behaviour.takes_steps => {
            let (step, _) = vector("Translation").ok_or(("Sender", "InvalidTranslation"))?;
            let [pan, tilt] = state.head.position(now);
            state.head.turn(now, [pan + step[0], tilt + step[1]], speed);
        }
        "ContinuousMove" => {
            let ([mut pan, tilt], _) = vector("Velocity").ok_or(("Sender", "InvalidVelocity"))?;
            let timeout = child(request, "Timeout").and_then(text);
            if timeout.is_some() && !behaviour.takes_timeout {
                return Err(("Sender", "TimeoutNotSupported"));
            }
            let seconds = timeout.map(|timeout| {
                let number = timeout.strip_prefix("PT").and_then(|rest| rest.strip_suffix('S'));
                number
                    .and_then(|number| number.parse().ok())
                    .ok_or(("Sender", "InvalidArgVal"))
            });
            if behaviour.turns_backward {
                pan = -pan;
            }
            state
                .head
                .drive(now, [pan, tilt], seconds.transpose()?.map(Duration::from_secs));
        }
        "Stop" if behaviour.takes_stop => state.head.stop(now),
        "GotoHomePosition" if behaviour.has_home => state.head.turn(now, [0.0; 2], [1.0; 2]),
        "GotoPreset" => {
            let token = child_text(request, "PresetToken").and_then(|token| token.parse::<usize>().ok());
            let known = token.filter(|token| (1..=behaviour.presets.len()).contains(token));
            let place = 0.25 * known.ok_or(("Sender", "NoToken"))? as f64;
            state.head.turn(now, [place; 2], [1.0; 2]);
        }
        _ => return Err(NEVER),
    }
    Ok(())
}

fn date_and_time(state: &State, shared: &Shared) -> String {
    let ([year, month, day], [hour, minute, second]) = shared.shows(state).fields();
    format!(
        "<tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>\
         <tt:UTCDateTime><tt:Time><tt:Hour>{hour}</tt:Hour><tt:Minute>{minute}</tt:Minute><tt:Second>{second}</tt:Second>\
         </tt:Time><tt:Date><tt:Year>{year}</tt:Year><tt:Month>{month}</tt:Month><tt:Day>{day}</tt:Day></tt:Date>\
         </tt:UTCDateTime></tds:SystemDateAndTime>"
    )
}

fn media(state: &State) -> Service {
    if state.behaviour.is_new {
        Service::Media2
    } else {
        Service::Media
    }
}

fn services(state: &State, host: &str) -> String {
    [
        (Service::Device, "device_service"),
        (media(state), "media"),
        (Service::Ptz, "ptz?head=1"),
    ]
    .iter()
    .map(|(service, path)| {
        format!(
            "<tds:Service><tds:Namespace>{}</tds:Namespace><tds:XAddr>http://{host}/onvif/{path}</tds:XAddr>\
             <tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>",
            service.namespace()
        )
    })
    .collect()
}

fn capabilities(state: &State, host: &str) -> String {
    let media = if state.behaviour.is_new {
        String::new()
    } else {
        format!("<tt:Media><tt:XAddr>http://{host}/onvif/media</tt:XAddr><tt:StreamingCapabilities/></tt:Media>")
    };
    format!(
        "<tds:Capabilities><tt:Device><tt:XAddr>http://{host}/onvif/device_service</tt:XAddr></tt:Device>{media}\
         <tt:PTZ><tt:XAddr>http://{host}/onvif/ptz?head=1</tt:XAddr></tt:PTZ></tds:Capabilities>"
    )
}

fn profiles(state: &State) -> String {
    let position_space = if state.behaviour.takes_places {
        format!(
            "<tt:DefaultAbsolutePantTiltPositionSpace>{SPACES}/PositionGenericSpace\
             </tt:DefaultAbsolutePantTiltPositionSpace>"
        )
    } else {
        String::new()
    };
    let configuration =
        format!("<tt:Name>head</tt:Name><tt:UseCount>1</tt:UseCount><tt:NodeToken>node</tt:NodeToken>{position_space}");
    let (prefix, head) = if state.behaviour.is_new {
        let head =
            format!("<tr2:Configurations><tr2:PTZ token=\"head\">{configuration}</tr2:PTZ></tr2:Configurations>");
        ("tr2", head)
    } else {
        let head = format!("<tt:PTZConfiguration token=\"head\">{configuration}</tt:PTZConfiguration>");
        ("trt", head)
    };
    let token = escaped(&state.behaviour.profile);
    let name = if state.behaviour.is_new { "tr2:Name" } else { "tt:Name" };
    format!(
        "<{prefix}:Profiles token=\"profile1\" fixed=\"true\"><{name}>still</{name}></{prefix}:Profiles>\
         <{prefix}:Profiles token=\"{token}\" fixed=\"true\"><{name}>turning</{name}>{head}</{prefix}:Profiles>"
    )
}

fn nodes(state: &State) -> String {
    let behaviour = &state.behaviour;
    let space = |kind: &str, uri: &str, x: [f64; 2], y: Option<[f64; 2]>| {
        let range = |name: &str, [low, high]: [f64; 2]| {
            format!("<tt:{name}><tt:Min>{low:.1}</tt:Min><tt:Max>{high:.1}</tt:Max></tt:{name}>")
        };
        let y = y.map_or(String::new(), |y| range("YRange", y));
        format!(
            "<tt:{kind}><tt:URI>{SPACES}/{uri}</tt:URI>{}{y}</tt:{kind}>",
            range("XRange", x)
        )
    };
    let unit = [-1.0, 1.0];
    let mut spaces = String::new();
    if behaviour.takes_places {
        spaces += &space("AbsolutePanTiltPositionSpace", "PositionGenericSpace", unit, Some(unit));
        if behaviour.counts_in_degrees {
            let (pan, tilt) = ([-180.0, 180.0], [-30.0, 90.0]);
            spaces += &space(
                "AbsolutePanTiltPositionSpace",
                "SphericalPositionSpaceDegrees",
                pan,
                Some(tilt),
            );
        }
    }
    if behaviour.takes_steps {
        spaces += &space(
            "RelativePanTiltTranslationSpace",
            "TranslationGenericSpace",
            unit,
            Some(unit),
        );
    }
    spaces += &space(
        "ContinuousPanTiltVelocitySpace",
        "VelocityGenericSpace",
        unit,
        Some(unit),
    );
    spaces += &space("PanTiltSpeedSpace", "GenericSpeedSpace", [0.0, 1.0], None);
    format!(
        "<tptz:PTZNode token=\"node\"><tt:Name>head</tt:Name><tt:SupportedPTZSpaces>{spaces}</tt:SupportedPTZSpaces>\
         <tt:MaximumNumberOfPresets>{}</tt:MaximumNumberOfPresets><tt:HomeSupported>{}</tt:HomeSupported></tptz:PTZNode>",
        behaviour.presets.len(),
        behaviour.has_home
    )
}

fn presets(state: &State) -> String {
    let preset = |(index, name): (usize, &String)| {
        format!(
            "<tptz:Preset token=\"{}\"><tt:Name>{}</tt:Name></tptz:Preset>",
            index + 1,
            escaped(name)
        )
    };
    state.behaviour.presets.iter().enumerate().map(preset).collect()
}

fn status(state: &mut State, shared: &Shared) -> String {
    let now = shared.clock.now();
    let [x, y] = state.head.position(now);
    let moving = if state.head.is_moving(now) { "MOVING" } else { "IDLE" };
    let mut status = String::new();
    if state.behaviour.tells_position {
        let _ = write!(
            status,
            "<tt:Position><tt:PanTilt x=\"{x}\" y=\"{y}\" space=\"{SPACES}/PositionGenericSpace\"/></tt:Position>"
        );
    }
    if state.behaviour.tells_movement {
        let _ = write!(
            status,
            "<tt:MoveStatus><tt:PanTilt>{moving}</tt:PanTilt></tt:MoveStatus>"
        );
    }
    let time = shared.shows(state).to_text();
    format!("<tptz:PTZStatus>{status}<tt:UtcTime>{time}</tt:UtcTime></tptz:PTZStatus>")
}
