#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::VecDeque;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::ManualClock;
use crate::ptz::visca::codec::{Digits, Message, Position};

/// What happens on a line of which everything is known beforehand: what comes in after each message sent.
struct Scripted {
    clock: Arc<ManualClock>,
    sent: Arc<Mutex<Vec<String>>>,
    answers: VecDeque<Vec<Incoming>>,
    coming: VecDeque<Incoming>,
    numbered: bool,
    lossy: bool,
}

impl Line for Scripted {
    fn send(&mut self, message: &Message, _: Purpose) -> io::Result<Option<u32>> {
        let mut sent = self.sent.lock().unwrap();
        let text: Vec<String> = message.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
        sent.push(text.join(" "));
        self.coming.extend(self.answers.pop_front().unwrap_or_default());
        Ok(self.numbered.then_some(sent.len() as u32))
    }

    fn receive(&mut self, within: Duration) -> io::Result<Option<Incoming>> {
        if within.is_zero() {
            return Ok(None);
        }
        let incoming = self.coming.pop_front();
        self.clock.advance(if incoming.is_none() {
            within
        } else {
            Duration::from_millis(1)
        });
        Ok(incoming)
    }

    fn resynchronise(&mut self) -> io::Result<()> {
        self.sent.lock().unwrap().push("resynchronised".to_owned());
        Ok(())
    }

    fn is_lossy(&self) -> bool {
        self.lossy
    }
}

struct Rig {
    session: Session,
    sent: Arc<Mutex<Vec<String>>>,
    clock: Arc<ManualClock>,
}

impl Rig {
    /// `answers`: for each message sent, what comes in after it, as `90 41 FF; 90 51 FF`.
    fn new(lossy: bool, answers: &[&str]) -> Self {
        let answers = answers.iter().map(|text| incoming(text, None)).collect();
        Self::with(lossy, false, answers)
    }

    fn with(lossy: bool, numbered: bool, answers: VecDeque<Vec<Incoming>>) -> Self {
        let (clock, sent) = (Arc::new(ManualClock::default()), Arc::default());
        let line = Scripted {
            clock: Arc::clone(&clock),
            sent: Arc::clone(&sent),
            answers,
            coming: VecDeque::new(),
            numbered,
            lossy,
        };
        let timeout = Duration::from_millis(500);
        let session = Session::new(Box::new(line), clock.clone(), "the camera".to_owned(), 1, timeout);
        Self { session, sent, clock }
    }

    fn sent(&self) -> Vec<String> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }
}

fn incoming(text: &str, answers: Option<u32>) -> Vec<Incoming> {
    text.split(';')
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(|text| {
            let digits = text.split_whitespace();
            let bytes: Vec<u8> = digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect();
            Incoming::Message {
                message: Message::from_bytes(&bytes).unwrap(),
                answers,
            }
        })
        .collect()
}

const MOVE: Request = Request::Absolute {
    to: Position { pan: 1, tilt: 2 },
    pan_speed: 3,
    tilt_speed: 4,
    digits: Digits { pan: 4, tilt: 4 },
};
const MOVE_BYTES: &str = "81 01 06 02 03 04 00 00 00 01 00 00 00 02 FF";
const DRIVE: Request = Request::Drive { pan: 1, tilt: 0 };
const DRIVE_BYTES: &str = "81 01 06 01 01 01 02 03 FF";
const STOP_BYTES: &str = "81 01 06 01 01 01 03 03 FF";

#[test]
fn a_movement_lasts_until_its_completion() {
    let position = "90 51 FF; 90 50 00 00 00 01 00 00 00 02 FF";
    let mut rig = Rig::new(false, &["90 41 FF", position]);
    rig.session.ask(MOVE).unwrap();
    assert!(rig.session.is_moving());
    let place = rig.session.ask(Request::Position).unwrap();
    assert_eq!(place, Reply::Position(Position { pan: 1, tilt: 2 }, Digits::default()));
    assert!(!rig.session.is_moving());
}

#[test]
fn a_lost_completion_does_not_keep_it_moving_for_ever() {
    let mut rig = Rig::new(true, &["90 41 FF"]);
    rig.session.ask(MOVE).unwrap();
    rig.clock.advance(Duration::from_secs(59));
    assert!(rig.session.is_moving());
    rig.clock.advance(Duration::from_secs(2));
    assert!(!rig.session.is_moving());
}

#[test]
fn the_completion_of_an_earlier_movement_is_no_answer_to_the_next_command() {
    let mut rig = Rig::new(false, &["90 41 FF", "90 51 FF; 90 42 FF"]);
    rig.session.ask(MOVE).unwrap();
    assert_eq!(rig.session.ask(DRIVE).unwrap(), Reply::Acknowledged { socket: 2 });
    assert!(!rig.session.is_moving());
}

#[test]
fn a_camera_may_leave_out_the_acknowledgement() {
    let mut rig = Rig::new(false, &["90 51 FF"]);
    rig.session.ask(DRIVE).unwrap();
}

#[test]
fn what_others_on_the_line_say_is_not_heard() {
    let mut rig = Rig::new(false, &["A0 41 FF; 81 09 06 12 FF; 90 41 FF"]);
    assert_eq!(rig.session.ask(DRIVE).unwrap(), Reply::Acknowledged { socket: 1 });
}

#[test]
fn refusals_are_sorted_by_what_helps() {
    for (answer, retry) in [
        ("90 60 03 FF", true),
        ("90 61 41 FF", true),
        ("90 60 02 FF", false),
        ("90 60 01 FF", false),
        ("90 60 99 FF", false),
    ] {
        let error = Rig::new(false, &[answer]).session.ask(DRIVE).unwrap_err();
        assert_eq!(matches!(error, PtzError::Retry { .. }), retry, "{answer}: {error}");
        assert_eq!(matches!(error, PtzError::GiveUp { .. }), !retry, "{answer}: {error}");
    }
}

#[test]
fn a_silent_serial_line_is_resynchronised_and_given_up_in_the_end() {
    let mut rig = Rig::new(false, &[]);
    for _ in 0..2 {
        let error = rig.session.ask(DRIVE).unwrap_err();
        assert!(matches!(error, PtzError::Retry { .. }), "{error}");
        assert_eq!(rig.sent(), [DRIVE_BYTES, "resynchronised"]);
    }
    let error = rig.session.ask(DRIVE).unwrap_err();
    assert!(matches!(error, PtzError::Rebuild { .. }), "{error}");
    assert_eq!(rig.clock.now(), Duration::from_millis(1500));
}

#[test]
fn a_complaint_about_the_broken_message_is_no_answer() {
    let mut rig = Rig::new(false, &["", "90 60 02 FF; 90 41 FF", "90 60 02 FF"]);
    rig.session.ask(DRIVE).unwrap_err();
    rig.session.ask(DRIVE).unwrap();
    let error = rig.session.ask(DRIVE).unwrap_err();
    assert!(matches!(error, PtzError::GiveUp { .. }), "{error}");
}

#[test]
fn a_lost_datagram_is_sent_again() {
    let mut rig = Rig::new(true, &["", "90 41 FF"]);
    rig.session.ask(DRIVE).unwrap();
    assert_eq!(rig.sent(), [DRIVE_BYTES, DRIVE_BYTES]);
    assert!(rig.clock.now() < Duration::from_millis(300), "{:?}", rig.clock.now());
}

#[test]
fn a_lost_count_is_put_right() {
    let answers = VecDeque::from([vec![Incoming::LostCount], incoming("90 41 FF", Some(2))]);
    let mut rig = Rig::with(true, true, answers);
    // The count of this line goes by what was sent, the resynchronisation included.
    let error = rig.session.ask(DRIVE).err();
    assert_eq!(rig.sent().first().map(String::as_str), Some(DRIVE_BYTES));
    assert!(
        matches!(error, Some(PtzError::Retry { .. })),
        "an answer to 2 is none to 3: {error:?}"
    );

    let answers = VecDeque::from([vec![Incoming::LostCount], incoming("90 41 FF", Some(3))]);
    let mut rig = Rig::with(true, true, answers);
    rig.session.ask(DRIVE).unwrap();
    assert_eq!(rig.sent(), [DRIVE_BYTES, "resynchronised", DRIVE_BYTES]);
}

#[test]
fn a_stop_goes_out_to_a_silent_camera_and_twice_where_it_may_get_lost() {
    let mut rig = Rig::new(true, &[]);
    let error = rig.session.stop().unwrap_err();
    assert!(matches!(error, PtzError::Retry { .. }), "{error}");
    assert_eq!(rig.sent(), [STOP_BYTES, STOP_BYTES, STOP_BYTES, "resynchronised"]);
    let mut rig = Rig::new(false, &["90 41 FF"]);
    rig.session.stop().unwrap();
    assert_eq!(rig.sent(), [STOP_BYTES]);
}

#[test]
fn the_acknowledgement_of_a_second_stop_is_none_of_the_next_command() {
    let mut rig = Rig::new(true, &["90 41 FF; 90 51 FF", "", "90 42 FF; 90 52 FF", "90 41 FF"]);
    rig.session.stop().unwrap();
    rig.session.ask(DRIVE).unwrap();
    assert_eq!(rig.sent(), [STOP_BYTES, STOP_BYTES, DRIVE_BYTES, DRIVE_BYTES]);
    // Where the copy was lost, the command is only said twice.
    let mut rig = Rig::new(true, &["90 41 FF", "", "90 42 FF", "90 42 FF"]);
    rig.session.stop().unwrap();
    rig.session.ask(DRIVE).unwrap();
    // And only for a while.
    let mut rig = Rig::new(true, &["90 41 FF", "", "90 42 FF"]);
    rig.session.stop().unwrap();
    rig.clock.advance(Duration::from_secs(1));
    rig.session.ask(DRIVE).unwrap();
    assert_eq!(rig.sent(), [STOP_BYTES, STOP_BYTES, DRIVE_BYTES]);
}

#[test]
fn a_camera_on_its_way_is_freed_for_the_next_place() {
    let mut rig = Rig::new(false, &["90 41 FF", "90 60 41 FF", "90 61 04 FF", "90 42 FF"]);
    rig.session.ask(MOVE).unwrap();
    rig.session.ask(MOVE).unwrap();
    assert_eq!(rig.sent(), [MOVE_BYTES, MOVE_BYTES, "81 21 FF", MOVE_BYTES]);
    assert!(rig.session.is_moving());
}

#[test]
fn a_changed_line_has_to_be_opened_again() {
    let error = Rig::new(false, &["90 38 FF"]).session.ask(DRIVE).unwrap_err();
    assert!(matches!(error, PtzError::Rebuild { .. }), "{error}");
}

#[test]
fn a_line_full_of_noise_does_not_hold_it_up() {
    let noise = vec!["90 7F FF"; 2000].join(";");
    let mut rig = Rig::new(false, &[&noise]);
    let error = rig.session.ask(DRIVE).unwrap_err();
    assert!(matches!(error, PtzError::Retry { .. }), "{error}");
    assert!(rig.clock.now() <= Duration::from_millis(501), "{:?}", rig.clock.now());
}

proptest! {
    /// Whatever a camera says and whatever it answers to, every request ends within its time.
    #[test]
    fn nothing_that_comes_in_holds_it_up(
        said in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..5), 0..60),
        numbers in proptest::collection::vec(proptest::option::of(0..6_u32), 60),
        kinds in proptest::collection::vec(0..5_u8, 1..8),
        lossy in any::<bool>(),
    ) {
        let incoming = said.iter().zip(numbers).map(|(payload, answers)| {
            let mut bytes = vec![0x90];
            bytes.extend(payload.iter().map(|byte| byte & 0x7F));
            bytes.push(0xFF);
            Message::from_bytes(&bytes).map_or(Incoming::LostCount, |message| Incoming::Message { message, answers })
        });
        let mut rig = Rig::with(lossy, lossy, VecDeque::from([incoming.collect()]));
        for kind in kinds {
            let begun = rig.clock.now();
            let _ = match kind {
                0 => rig.session.ask(MOVE).err(),
                1 => rig.session.ask(DRIVE).err(),
                2 => rig.session.ask(Request::Position).err(),
                3 => rig.session.ask(Request::Clear).err(),
                _ => rig.session.stop().err(),
            };
            // A place may take a cancellation and a second try.
            let took = rig.clock.now() - begun;
            prop_assert!(took <= Duration::from_millis(1600), "{kind} took {took:?}");
        }
    }
}
