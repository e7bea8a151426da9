//! The microphones of this machine and what each offers.

use ::alsa::card::Iter;
use ::alsa::ctl::{Ctl, DeviceIter};
use ::alsa::pcm::HwParams;
use ::alsa::{Card, Direction};

use super::fault;
use super::negotiation::{Offered, open};
use crate::capture::CaptureError;
use crate::shield::caught;

/// A microphone of this machine.
#[derive(Debug)]
pub struct MicrophoneDescription {
    /// The name to put into the settings, such as `hw:CARD=Webcam,DEV=0`.
    pub device: String,
    /// What the card calls itself.
    pub card: String,
    /// The kernel's driver, such as `USB-Audio`.
    pub driver: String,
    /// What it offers, or why it could not be asked: it may be in use.
    pub offered: Result<Offered, CaptureError>,
}

/// All that capture sound, in the order of the cards. Sound servers are not among them.
pub fn list_microphones() -> Vec<MicrophoneDescription> {
    let mut microphones = Vec::new();
    for card in Iter::new().filter_map(Result::ok) {
        // The library's names are C strings that need not be UTF-8.
        let found = caught(|| captures_of(&card))
            .ok()
            .and_then(Result::ok)
            .unwrap_or_default();
        for (device, name, driver) in found {
            let offered = open(&device).and_then(|pcm| {
                let parameters = HwParams::any(&pcm);
                let offered = parameters.map(|parameters| Offered::of(&parameters));
                offered.map_err(|error| fault::while_opening(&device, &error))
            });
            microphones.push(MicrophoneDescription {
                device,
                card: name,
                driver,
                offered,
            });
        }
    }
    microphones
}

/// Device, card and driver of every input of a card.
pub(super) fn captures_of(card: &Card) -> Result<Vec<(String, String, String)>, ::alsa::Error> {
    let control = Ctl::from_card(card, true)?;
    let information = control.card_info()?;
    let (identity, name) = (information.get_id()?, information.get_name()?);
    let driver = information.get_driver()?;
    let numbers = DeviceIter::new(&control).filter_map(|number| u32::try_from(number).ok());
    let inputs = numbers.filter(|number| control.pcm_info(*number, 0, Direction::Capture).is_ok());
    let named = inputs.map(|number| {
        let device = format!("hw:CARD={identity},DEV={number}");
        (device, name.to_owned(), driver.to_owned())
    });
    Ok(named.collect())
}
