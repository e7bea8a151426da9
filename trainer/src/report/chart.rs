//! Line charts as inline SVG: axes, named series, a legend. Text and axes take the colour of the page, light or dark.

use std::ops::Range;

use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;

/// Size of a chart, in pixels; the page scales it to the room there is.
const SIZE_PIXELS: (u32, u32) = (640, 360);
/// Stands for the colour of the page's text until the SVG is written.
const INK: RGBColor = RGBColor(1, 2, 3);
/// [`INK`] as it comes out of the drawing.
const INK_IN_SVG: &str = "#010203";
/// Colours of the series in turn: of like lightness, apart for the colour-blind (Okabe and Ito, 2008, made to be read on
/// black and on white).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x2f, 0x86, 0xd6),
    RGBColor(0xe0, 0x6c, 0x1f),
    RGBColor(0x1a, 0xa3, 0x7a),
    RGBColor(0xc7, 0x62, 0xa5),
    RGBColor(0xb3, 0x8f, 0x00),
    RGBColor(0x8a, 0x8f, 0x98),
];

/// A chart that cannot be drawn. Nothing in the data can cause it: it is a fault of the drawing library.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the chart {title:?} cannot be drawn: {cause}")]
pub struct ChartError {
    /// Of the chart.
    pub title: String,
    /// In the library's words.
    pub cause: String,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A line from point to point.
    Line,
    /// A dashed line, for what the others are compared with.
    Dashed,
    /// A line and what lies under it, for distributions.
    Area,
}

/// A named row of points.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// For the legend.
    pub name: String,
    /// x and y; what is not finite is left out.
    pub points: Vec<[f64; 2]>,
    /// How it is drawn.
    pub mark: Mark,
}

impl Series {
    /// A line.
    pub fn line(name: impl Into<String>, points: Vec<[f64; 2]>) -> Self {
        Self::new(name, points, Mark::Line)
    }

    /// A dashed line.
    pub fn dashed(name: impl Into<String>, points: Vec<[f64; 2]>) -> Self {
        Self::new(name, points, Mark::Dashed)
    }

    /// How values spread: the share of them, 0..1, that falls into each of `bins` equal parts of `range`, as steps. What
    /// lies outside counts to the first or the last part.
    pub fn histogram(name: impl Into<String>, values: &[f64], range: Range<f64>, bins: usize) -> Self {
        let bins = bins.max(1);
        let width = (range.end - range.start) / bins as f64;
        let mut counts = vec![0usize; bins];
        for value in values.iter().filter(|value| value.is_finite()) {
            counts[(((value - range.start) / width).max(0.0) as usize).min(bins - 1)] += 1;
        }
        let edge = |bin: usize| range.start + bin as f64 * width;
        let steps = counts.iter().enumerate().flat_map(|(bin, &count)| {
            let share = count as f64 / values.len() as f64;
            [[edge(bin), share], [edge(bin + 1), share]]
        });
        Self::new(name, steps.collect(), Mark::Area)
    }

    fn new(name: impl Into<String>, points: Vec<[f64; 2]>, mark: Mark) -> Self {
        Self {
            name: name.into(),
            points,
            mark,
        }
    }

    fn finite(&self) -> impl Iterator<Item = (f64, f64)> + Clone {
        self.points
            .iter()
            .filter(|point| point.iter().all(|value| value.is_finite()))
            .map(|&[x, y]| (x, y))
    }
}

/// A chart of one or more series.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    title: String,
    x_title: String,
    y_title: String,
    x_range: Option<Range<f64>>,
    y_range: Option<Range<f64>>,
    series: Vec<Series>,
}

impl Chart {
    /// A chart without series; its axes reach as far as the points will.
    pub fn new(title: impl Into<String>, x_title: impl Into<String>, y_title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            x_title: x_title.into(),
            y_title: y_title.into(),
            x_range: None,
            y_range: None,
            series: Vec::new(),
        }
    }

    /// Fixes the ends of the x axis.
    #[must_use]
    pub fn with_x_range(mut self, range: Range<f64>) -> Self {
        self.x_range = Some(range);
        self
    }

    /// Fixes the ends of the y axis.
    #[must_use]
    pub fn with_y_range(mut self, range: Range<f64>) -> Self {
        self.y_range = Some(range);
        self
    }

    /// Adds a series, in the next colour.
    #[must_use]
    pub fn with(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// The chart with its title above and its legend below.
    ///
    /// # Errors
    /// [`ChartError`].
    pub fn figure(&self) -> Result<Markup, ChartError> {
        let svg = self.svg()?;
        Ok(html! {
            figure.chart {
                figcaption { (self.title) }
                (PreEscaped(svg))
                ul.legend {
                    @for (index, series) in self.series.iter().enumerate() {
                        @let RGBColor(red, green, blue) = colour(index);
                        @let line = if series.mark == Mark::Dashed { "dashed" } else { "solid" };
                        li { i style=(format!("border-top: 3px {line} #{red:02x}{green:02x}{blue:02x}")) {} (series.name) }
                    }
                }
            }
        })
    }

    /// The chart alone, as an `<svg>` element for an HTML page.
    ///
    /// # Errors
    /// [`ChartError`].
    pub fn svg(&self) -> Result<String, ChartError> {
        let mut drawn = String::new();
        self.draw(&mut drawn).map_err(|cause| ChartError {
            title: self.title.clone(),
            cause: cause.to_string(),
        })?;
        let from = drawn.find("<svg").unwrap_or_default();
        let svg = drawn[from..]
            .replace(INK_IN_SVG, "currentColor")
            .replace(r#" xmlns="http://www.w3.org/2000/svg""#, "");
        let label = html! { (self.title) }.into_string();
        Ok(svg.replacen("<svg", &format!("<svg role=\"img\" aria-label=\"{label}\""), 1))
    }

    fn draw(&self, drawn: &mut String) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        let area = SVGBackend::with_string(drawn, SIZE_PIXELS).into_drawing_area();
        let x_range = self
            .x_range
            .clone()
            .unwrap_or_else(|| self.extent(|point| point.0, 0.0));
        let y_range = self
            .y_range
            .clone()
            .unwrap_or_else(|| self.extent(|point| point.1, 0.05));
        let floor = y_range.start;
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .x_label_area_size(44)
            .y_label_area_size(60)
            .build_cartesian_2d(x_range.clone(), y_range.clone())?;
        let text = ("sans-serif", 14).into_font().color(&INK);
        chart
            .configure_mesh()
            .x_desc(&self.x_title)
            .y_desc(&self.y_title)
            .x_labels(8)
            .y_labels(6)
            .x_label_formatter(&|value| label(*value, &x_range))
            .y_label_formatter(&|value| label(*value, &y_range))
            .label_style(text.clone())
            .axis_desc_style(text)
            .axis_style(INK.mix(0.6))
            .bold_line_style(INK.mix(0.14))
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (index, series) in self.series.iter().enumerate() {
            let colour = colour(index);
            let style = colour.stroke_width(2);
            match series.mark {
                Mark::Line => chart.draw_series(LineSeries::new(series.finite(), style))?,
                Mark::Dashed => chart.draw_series(DashedLineSeries::new(series.finite(), 6, 5, style))?,
                Mark::Area => chart.draw_series(
                    AreaSeries::new(series.finite(), floor, colour.mix(0.22)).border_style(colour.stroke_width(2)),
                )?,
            };
        }
        area.present()
    }

    /// From the least to the greatest value of all series, with a margin of a share of that; 0..1 of nothing.
    fn extent(&self, axis: impl Fn((f64, f64)) -> f64, margin: f64) -> Range<f64> {
        let values = || self.series.iter().flat_map(Series::finite).map(&axis);
        let (least, greatest) = (
            values().fold(f64::INFINITY, f64::min),
            values().fold(f64::NEG_INFINITY, f64::max),
        );
        if least > greatest {
            return 0.0..1.0;
        }
        let span = greatest - least;
        // A flat line is drawn in the middle.
        let room = if span > least.abs() * 1e-9 {
            span * margin
        } else {
            least.abs().max(1.0) * 0.5
        };
        least - room..greatest + room
    }
}

fn colour(index: usize) -> RGBColor {
    COLOURS[index % COLOURS.len()]
}

/// A number of an axis with as many decimals as its range needs.
fn label(value: f64, range: &Range<f64>) -> String {
    let span = (range.end - range.start).abs();
    if value != 0.0 && !(1e-4..1e6).contains(&value.abs().max(span)) {
        return format!("{value:.1e}");
    }
    let decimals = (2.0 - span.log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::well_formed::assert_well_formed;
    use super::*;

    fn curves() -> Chart {
        Chart::new("Loss & \"more\" <here>", "epoch <n>", "loss & co")
            .with(Series::line(
                "ours <1>",
                vec![[0.0, 3.9], [1.0, 3.6], [2.0, f64::NAN], [3.0, 3.5]],
            ))
            .with(Series::dashed("theirs", vec![[0.0, 3.8], [3.0, 3.4]]))
            .with(Series::histogram("spread", &[0.1, 0.1, 2.5], 0.0..3.0, 3))
    }

    #[test]
    fn a_chart_is_well_formed_and_takes_the_colours_of_the_page() {
        let svg = curves().svg().unwrap();
        roxmltree::Document::parse(&svg).unwrap();
        assert!(svg.contains("currentColor") && !svg.contains(INK_IN_SVG) && !svg.contains("#000000"));
        let figure = curves().figure().unwrap().into_string();
        assert_well_formed(&figure);
        assert!(figure.contains("ours &lt;1&gt;") && figure.contains("epoch &lt;n&gt;"));
    }

    #[test]
    fn every_series_has_a_line_of_its_colour() {
        let svg = curves().svg().unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        for RGBColor(red, green, blue) in COLOURS.iter().take(3) {
            let colour = format!("#{red:02X}{green:02X}{blue:02X}");
            let lines = document
                .descendants()
                .filter(|node| node.attribute("stroke") == Some(&colour));
            assert!(lines.count() > 0, "{colour}");
        }
    }

    #[test]
    fn a_histogram_counts_shares() {
        let series = Series::histogram("h", &[-1.0, 0.1, 0.6, 9.0], 0.0..1.0, 2);
        assert_eq!(series.points, vec![[0.0, 0.5], [0.5, 0.5], [0.5, 0.5], [1.0, 0.5]]);
        assert_eq!(Series::histogram("h", &[0.1], 0.0..1.0, 2).points[0], [0.0, 1.0]);
    }

    #[test]
    fn axes_are_labelled_in_plain_numbers() {
        assert_eq!(label(0.25, &(0.0..1.0)), "0.25");
        assert_eq!(label(-0.0, &(0.0..1.0)), "0");
        assert_eq!(label(30.0, &(0.0..100.0)), "30");
        assert_eq!(label(0.0001, &(0.0..0.0002)), "0.0001");
        assert_eq!(label(0.000_01, &(0.0..0.000_02)), "1.0e-5");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_points_give_a_chart(
            points in prop::collection::vec(prop::array::uniform2(prop_oneof![-1e9f64..1e9, Just(0.0), Just(f64::NAN), Just(f64::INFINITY)]), 0..20),
            mark in prop_oneof![Just(Mark::Line), Just(Mark::Dashed), Just(Mark::Area)],
        ) {
            let chart = Chart::new("t", "x", "y").with(Series::new("s", points, mark));
            prop_assert!(roxmltree::Document::parse(&chart.svg().unwrap()).is_ok());
        }
    }
}
