//! What is to be said in words: what is down, and why nothing moves.

use std::fmt::Write;

use embedded_graphics::pixelcolor::Rgb888;

use super::super::gauge::{AMBER, RED};
use super::super::status::{StageStatus, Status};

/// How a stage is called in front of people.
fn name(stage: &str) -> &str {
    match stage {
        "camera" => "Camera",
        "microphone" => "Microphone",
        "perception" => "Perception",
        "attention" => "Attention",
        "ptz" => "Camera head",
        "web" => "Web page",
        "mqtt" => "MQTT",
        other => other,
    }
}

/// The messages that a status asks for, the gravest first: each is written to `text`, and handed to `each` with its colour.
pub(super) fn messages(status: &Status, text: &mut String, mut each: impl FnMut(&str, Rgb888)) {
    // Whoever reads this sees that the screen works.
    let stages = status.stages.iter().filter(|stage| stage.name != "screen");
    for stage in stages.filter(|stage| !stage.fresh || stage.trouble.is_some()) {
        text.clear();
        write_trouble(stage, text);
        each(text, RED);
    }
    if status.throttled {
        each("Too hot: slowed down", AMBER);
    }
    if status.paused {
        each("Paused: camera rests", AMBER);
    }
}

fn write_trouble(stage: &StageStatus, text: &mut String) {
    match &stage.trouble {
        Some(trouble) => {
            let _ = write!(text, "{} is down: ", name(&stage.name));
            text.extend(
                trouble
                    .chars()
                    .map(|letter| if letter.is_control() { ' ' } else { letter }),
            );
        }
        None => {
            let _ = write!(text, "{} does not respond", name(&stage.name));
        }
    }
}

/// Cuts a text into lines of at most so many letters (1 at least), between words where it can.
pub(super) fn lines(mut text: &str, letters: usize) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        text = text.trim_start();
        if text.is_empty() {
            return None;
        }
        let end = text
            .char_indices()
            .nth(letters.max(1))
            .map_or(text.len(), |(index, _)| index);
        let (head, rest) = text.split_at(end);
        let cut = if rest.is_empty() || rest.starts_with(char::is_whitespace) {
            end
        } else {
            head.rfind(char::is_whitespace).filter(|&at| at > 0).unwrap_or(end)
        };
        let (line, rest) = text.split_at(cut);
        text = rest;
        Some(line.trim_end())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stage(name: &str, fresh: bool, trouble: Option<&str>) -> StageStatus {
        StageStatus {
            name: name.into(),
            fresh,
            restarts: 0,
            trouble: trouble.map(Into::into),
        }
    }

    #[test]
    fn what_is_down_is_named_first() {
        let status = Status {
            paused: true,
            throttled: true,
            stages: vec![
                stage("camera", true, None),
                stage("microphone", false, Some("hw:1,0: unplugged;\nopen it again")),
                stage("perception", false, None),
                stage("ptz", true, Some("/dev/ttyUSB0: silent")),
                stage("screen", false, Some("lost")),
            ],
            ..Status::default()
        };
        let mut said = Vec::new();
        messages(&status, &mut String::new(), |text, _| said.push(text.to_owned()));
        assert_eq!(
            said,
            [
                "Microphone is down: hw:1,0: unplugged; open it again",
                "Perception does not respond",
                "Camera head is down: /dev/ttyUSB0: silent",
                "Too hot: slowed down",
                "Paused: camera rests",
            ]
        );
        messages(&Status::default(), &mut String::new(), |text, _| {
            said.push(text.to_owned())
        });
        assert_eq!(said.len(), 5, "nothing is wrong, and nothing said");
    }

    #[test]
    fn lines_break_between_words() {
        let broken = |text, letters| lines(text, letters).collect::<Vec<_>>();
        assert_eq!(broken("Camera is down: gone", 9), ["Camera is", "down:", "gone"]);
        assert_eq!(broken("/dev/video0", 4), ["/dev", "/vid", "eo0"]);
        assert_eq!(broken("  ", 4), [""; 0]);
    }

    proptest! {
        #[test]
        fn lines_hold_all_that_is_said(text in "\\PC{0,60}", letters in 0usize..20) {
            let held: String = lines(&text, letters).collect();
            let bare = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
            prop_assert_eq!(bare(&held), bare(&text));
            prop_assert!(lines(&text, letters).all(|line| line.chars().count() <= letters.max(1)));
        }
    }
}
