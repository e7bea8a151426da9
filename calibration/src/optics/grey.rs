//! A picture as the fits look at it: brightness alone, small.

/// Pixels along the longer side, at least where the picture has as many: enough for a twentieth of one to be seen.
const USEFUL_PIXELS: usize = 320;

/// Brightness, 0..255, rows from the top.
///
/// Places in it are in *half-widths of the picture from its middle*, to the right and downward: (−1, 0) is the middle of the left
/// edge, whatever the picture was shrunk to.
#[derive(Debug, Clone, PartialEq)]
pub struct GreyPicture {
    width: usize,
    height: usize,
    /// Half the width of the whole picture in pixels of this one.
    half_width: f64,
    values: Vec<f32>,
}

impl GreyPicture {
    /// Of tightly packed RGB, shrunk by a whole factor to some 320 pixels across; `None` where `rgb` is not
    /// `width × height × 3` bytes long or empty.
    pub fn from_rgb(width: usize, height: usize, rgb: &[u8]) -> Option<Self> {
        if width == 0 || height == 0 || rgb.len() != width * height * 3 {
            return None;
        }
        let factor = (width.max(height) / USEFUL_PIXELS).clamp(1, width.min(height));
        let (small_width, small_height) = (width / factor, height / factor);
        // What is left over when the factor does not divide is left out on both sides alike.
        let (left, top) = ((width - small_width * factor) / 2, (height - small_height * factor) / 2);
        let mut values = vec![0.0; small_width * small_height];
        let rows = rgb.chunks_exact(width * 3).skip(top).take(small_height * factor);
        for (row, line) in rows.enumerate() {
            let start = row / factor * small_width;
            let pixels = line.chunks_exact(3).skip(left).take(small_width * factor);
            for (column, pixel) in pixels.enumerate() {
                if let (&[red, green, blue], Some(value)) = (pixel, values.get_mut(start + column / factor)) {
                    *value += 0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue);
                }
            }
        }
        let share = 1.0 / (factor * factor) as f32;
        values.iter_mut().for_each(|value| *value *= share);
        Some(Self {
            width: small_width,
            height: small_height,
            half_width: width as f64 / (2 * factor) as f64,
            values,
        })
    }

    /// The mean of pictures of one size; `None` where there is none, or they differ in size.
    pub fn mean<'a>(pictures: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut pictures = pictures.into_iter();
        let mut mean = pictures.next()?.clone();
        let mut count = 1.0_f32;
        for picture in pictures {
            if (picture.width, picture.height) != (mean.width, mean.height) {
                return None;
            }
            count += 1.0;
            for (sum, value) in mean.values.iter_mut().zip(&picture.values) {
                *sum += value;
            }
        }
        mean.values.iter_mut().for_each(|value| *value /= count);
        Some(mean)
    }

    /// Shrunk to half.
    pub fn halved(&self) -> Self {
        let (width, height) = ((self.width / 2).max(1), (self.height / 2).max(1));
        let values = (0..width * height).map(|index| {
            let (column, row) = (2 * (index % width), 2 * (index / width));
            0.25 * (self.pixel(column, row)
                + self.pixel(column + 1, row)
                + self.pixel(column, row + 1)
                + self.pixel(column + 1, row + 1))
        });
        Self {
            width,
            height,
            half_width: self.half_width / 2.0,
            values: values.collect(),
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// How many of its pixels are half the width of the picture.
    pub fn half_width(&self) -> f64 {
        self.half_width
    }

    /// Brightness, row by row from the top.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// How far its upper and lower edges are from its middle, in half-widths.
    pub fn half_height(&self) -> f64 {
        self.height as f64 / 2.0 / self.half_width
    }

    /// The brightness at a place, between four pixels; beyond the edges their outermost pixels go on.
    pub fn at(&self, [right, down]: [f64; 2]) -> f32 {
        let x = right * self.half_width + self.width as f64 / 2.0 - 0.5;
        let y = down * self.half_width + self.height as f64 / 2.0 - 0.5;
        let (left, top) = (x.floor(), y.floor());
        let (across, along) = ((x - left) as f32, (y - top) as f32);
        // A number below nothing becomes 0, one that is none as well.
        let columns = [left.max(0.0) as usize, (left + 1.0).max(0.0) as usize];
        let rows = [top.max(0.0) as usize, (top + 1.0).max(0.0) as usize];
        let [upper, lower] =
            rows.map(|row| self.pixel(columns[0], row) * (1.0 - across) + self.pixel(columns[1], row) * across);
        upper * (1.0 - along) + lower * along
    }

    fn pixel(&self, column: usize, row: usize) -> f32 {
        let (column, row) = (column.min(self.width - 1), row.min(self.height - 1));
        self.values.get(row * self.width + column).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_shrinks_to_a_useful_size_about_the_middle() {
        let (width, height) = (1001, 500);
        let rgb: Vec<u8> = (0..width * height * 3)
            .map(|index| (index / 3 % width / 4) as u8)
            .collect();
        let picture = GreyPicture::from_rgb(width, height, &rgb).unwrap();
        assert_eq!((picture.width(), picture.height()), (333, 166));
        assert!(
            (picture.at([0.0, 0.0]) - 125.0).abs() < 0.5,
            "{}",
            picture.at([0.0, 0.0])
        );
        assert!(
            (picture.at([0.5, 0.3]) - 187.5).abs() < 0.5,
            "{}",
            picture.at([0.5, 0.3])
        );
        assert!((picture.halved().at([0.5, 0.3]) - 187.5).abs() < 1.0);
        assert!((picture.half_height() - 0.4995).abs() < 0.005);
    }

    #[test]
    fn any_place_can_be_asked_for_and_what_is_no_picture_is_none() {
        let picture = GreyPicture::from_rgb(2, 1, &[0, 0, 0, 255, 255, 255]).unwrap();
        assert_eq!(picture.at([-9.0, 9.0]), 0.0);
        assert!((picture.at([9.0, -9.0]) - 255.0).abs() < 1e-3);
        let _ = picture.at([f64::NAN, f64::INFINITY]);
        assert_eq!(GreyPicture::from_rgb(2, 2, &[0; 11]), None);
        assert_eq!(GreyPicture::from_rgb(0, 0, &[]), None);
        assert_eq!(GreyPicture::mean([]), None);
    }
}
