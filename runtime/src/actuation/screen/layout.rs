//! Where on a screen the picture and the panel beside it go.

use super::super::text::Lettering;

/// Room that a panel in a single row takes, in letters: lamp and state, meter, rate and temperature.
const SINGLE_ROW_LETTERS: usize = 44;

/// A part of the screen in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Area {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

/// The parts of a screen: the picture as large as it can be in its proportions, and a panel along the lower edge, beside the
/// picture where there is room and over it where there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub lettering: Lettering,
    pub picture: Area,
    pub panel: Area,
    /// Of the panel: one, or two where the screen is narrow.
    pub rows: usize,
    /// From the top of one row to the top of the next.
    pub row_height: usize,
}

impl Layout {
    /// For a screen and a picture of a width and height in pixels; a picture without extent gets all the room there is.
    pub(super) fn new((width, height): (usize, usize), picture: (usize, usize)) -> Self {
        let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        let lettering = Lettering::for_screen(side(width), side(height));
        let (unit, letter) = (lettering.height() as usize, lettering.width("m") as usize);
        let rows = if width >= SINGLE_ROW_LETTERS * letter { 1 } else { 2 };
        let row_height = unit + unit / 2;
        let panel_height = (rows * row_height + unit / 4).min(height);
        let free_height = height - panel_height;

        let (columns, lines) = fitted((width, height), picture);
        let picture = Area {
            left: (width - columns) / 2,
            top: free_height.saturating_sub(lines) / 2,
            width: columns,
            height: lines,
        };
        let panel = Area {
            left: 0,
            top: free_height,
            width,
            height: panel_height,
        };
        Self {
            lettering,
            picture,
            panel,
            rows,
            row_height,
        }
    }
}

/// Width and height of a picture when it is as large as a screen allows, in its own proportions; not less than a pixel.
fn fitted((width, height): (usize, usize), (columns, lines): (usize, usize)) -> (usize, usize) {
    if columns == 0 || lines == 0 {
        return (width, height);
    }
    let scaled = |length: usize, by: usize, of: usize| {
        let rounded = (length as u128 * by as u128 + of as u128 / 2) / of as u128;
        usize::try_from(rounded).unwrap_or(usize::MAX).max(1)
    };
    let high = scaled(lines, width, columns);
    if high <= height {
        (width, high)
    } else {
        (scaled(columns, height, lines).min(width), height)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pictures_keep_their_proportions() {
        for (screen, picture, expected) in [
            ((240, 240), (1280, 720), (240, 135)),
            ((320, 240), (1280, 720), (320, 180)),
            ((800, 480), (1280, 720), (800, 450)),
            ((800, 480), (640, 480), (640, 480)),
            ((1920, 1080), (1280, 720), (1920, 1080)),
            ((480, 800), (1280, 720), (480, 270)),
            ((320, 240), (0, 0), (320, 240)),
        ] {
            assert_eq!(fitted(screen, picture), expected, "{picture:?} on {screen:?}");
        }
    }

    #[test]
    fn where_there_is_room_the_panel_hides_nothing() {
        let layout = Layout::new((240, 240), (1280, 720));
        assert!(layout.picture.top + layout.picture.height <= layout.panel.top);
        assert_eq!(layout.rows, 2);
        let layout = Layout::new((1920, 1080), (1280, 720));
        assert_eq!((layout.picture.top, layout.rows), (0, 1));
    }

    proptest! {
        #[test]
        fn everything_lies_on_the_screen(
            screen in (0usize..3000, 0usize..3000), picture in (0usize..5000, 0usize..5000),
        ) {
            let layout = Layout::new(screen, picture);
            for area in [layout.picture, layout.panel] {
                prop_assert!(area.left + area.width <= screen.0.max(1), "{:?} on {:?}", area, screen);
                prop_assert!(area.top + area.height <= screen.1.max(1), "{:?} on {:?}", area, screen);
            }
        }
    }
}
