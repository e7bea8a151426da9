#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A device in a directory, as a kernel would show it.
struct Machine(TempDir);

impl Machine {
    fn with(attributes: &[(&str, &str)], content: &[u8]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("graphics/fb0")).unwrap();
        for (name, text) in attributes {
            std::fs::write(directory.path().join("graphics/fb0").join(name), text).unwrap();
        }
        std::fs::write(directory.path().join("fb0"), content).unwrap();
        Self(directory)
    }

    fn open(&self, rotation: Rotation, order: ColourOrder) -> Result<Framebuffer, ScreenError> {
        let path = self.0.path();
        Framebuffer::open(&path.join("fb0"), &path.join("graphics"), rotation, order)
    }

    fn content(&self) -> Vec<u8> {
        std::fs::read(self.0.path().join("fb0")).unwrap()
    }
}

fn attributes(bits: &'static str, stride: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![
        ("virtual_size", "3,4\n"),
        ("bits_per_pixel", bits),
        ("stride", stride),
        ("name", "test\n"),
        ("modes", "U:3x2p-60\n"),
    ]
}

#[test]
fn the_visible_part_is_written_and_put_back() {
    let machine = Machine::with(&attributes("32\n", "16\n"), &[5; 64]);
    let mut screen = machine.open(Rotation::None, ColourOrder::BlueFirst).unwrap();
    assert_eq!(screen.size(), (3, 2));
    assert!(screen.name().ends_with("fb0 (test)"), "{}", screen.name());
    let mut canvas = Canvas::new(3, 2);
    canvas.bytes_mut().copy_from_slice(&[1, 2, 3].repeat(6));
    screen.show(&canvas).unwrap();
    let shown = machine.content();
    assert_eq!(shown[..16], [3, 2, 1, 0, 3, 2, 1, 0, 3, 2, 1, 0, 0, 0, 0, 0]);
    assert_eq!(shown[32..], [5; 32]);
    drop(screen);
    assert_eq!(machine.content(), [5; 64]);
}

#[test]
fn a_turned_16_bit_screen_is_as_wide_as_it_was_high() {
    let machine = Machine::with(&attributes("16", "6"), &[0; 24]);
    let mut screen = machine.open(Rotation::Quarter, ColourOrder::RedFirst).unwrap();
    assert_eq!(screen.size(), (2, 3));
    let mut canvas = Canvas::new(2, 3);
    canvas.bytes_mut()[..3].fill(255);
    screen.show(&canvas).unwrap();
    assert_eq!(machine.content()[..6], [0, 0, 0, 0, 255, 255]);
}

#[test]
fn without_modes_all_of_the_memory_is_shown() {
    let attributes: Vec<_> = attributes("32", "12").into_iter().take(3).collect();
    let machine = Machine::with(&attributes, &[0; 48]);
    let screen = machine.open(Rotation::None, ColourOrder::BlueFirst).unwrap();
    assert_eq!(screen.size(), (3, 4));
}

#[test]
fn what_cannot_be_drawn_on_is_refused_with_a_remedy() {
    for (bits, stride, remedy) in [("8", "3", "fbset"), ("32", "8", "driver"), ("32", "-1", "driver")] {
        let machine = Machine::with(&attributes(bits, stride), &[0; 48]);
        let error = machine.open(Rotation::None, ColourOrder::BlueFirst).unwrap_err();
        assert!(
            matches!(&error, ScreenError::GiveUp { cause, .. } if cause.contains(remedy)),
            "{error}"
        );
    }
    let absent = Framebuffer::open(
        Path::new("/dev/fb-absent"),
        Path::new(SYSTEM_DIRECTORY),
        Rotation::None,
        ColourOrder::BlueFirst,
    );
    assert!(matches!(absent, Err(ScreenError::GiveUp { cause, .. }) if cause.contains("ls /dev/fb*")));
}

#[test]
fn the_first_framebuffer_is_the_one_of_the_least_number() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(first_framebuffer(directory.path()), None);
    for name in ["fb10", "fb2", "fbcon"] {
        std::fs::create_dir(directory.path().join(name)).unwrap();
    }
    assert_eq!(first_framebuffer(directory.path()), Some(PathBuf::from("/dev/fb2")));
}

proptest! {
    #[test]
    fn what_the_kernel_says_never_makes_memory_too_small(
        virtual_size in "[0-9]{1,6},[0-9]{1,6}|\\PC{0,12}", bits_per_pixel in "16|32|\\PC{0,3}", stride in "[0-9]{1,8}|\\PC{0,6}",
        modes in "U:[0-9]{1,5}x[0-9]{1,5}p-60|\\PC{0,20}",
    ) {
        let attributes = Attributes {
            virtual_size: &virtual_size,
            bits_per_pixel: &bits_per_pixel,
            stride: &stride,
            modes: &modes,
        };
        if let Ok(memory) = attributes.memory(ColourOrder::BlueFirst) {
            prop_assert!(memory.size.0 * memory.layout.bytes() <= memory.stride_bytes);
            prop_assert!((1..=MOST_PIXELS).contains(&memory.size.1));
        }
    }
}
