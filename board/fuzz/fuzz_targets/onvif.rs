//! Any bytes as what a camera answers over ONVIF.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lookhear_board::ptz::onvif::{answers, soap};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let _ = soap::read_body(&text, "GetSystemDateAndTimeResponse", answers::system_date_and_time);
    let _ = soap::read_body(&text, "GetServicesResponse", answers::services);
    let _ = soap::read_body(&text, "GetCapabilitiesResponse", answers::capabilities);
    let _ = soap::read_body(&text, "GetProfilesResponse", answers::profiles);
    let _ = soap::read_body(&text, "GetNodesResponse", answers::nodes);
    let _ = soap::read_body(&text, "GetConfigurationOptionsResponse", answers::configuration_options);
    let _ = soap::read_body(&text, "GetPresetsResponse", answers::presets);
    if let Ok(status) = soap::read_body(&text, "GetStatusResponse", answers::status) {
        assert!(
            status
                .position
                .is_none_or(|place| place.iter().all(|axis| axis.is_finite()))
        );
    }
});
