//! How fast a microphone really samples, by the machine's clock.

/// Shorter than this, in seconds, the jitter of stamps hides the rate.
const LEAST_SECONDS: f64 = 8.0;
/// Fewer blocks than this in a third of the time have no median.
const LEAST_MARKS: usize = 10;

/// Samples a second, from blocks of one unbroken stretch: how many samples came before each, and its stamp in seconds. `None`
/// for less than 8 s.
///
/// The medians of the first and the last third are compared, so that neither jitter nor a late block counts.
pub fn true_rate_hz(marks: &[(u64, f64)], claimed_hz: u32) -> Option<f64> {
    let (first, last) = (marks.first()?, marks.last()?);
    let third = marks.len() / 3;
    if third < LEAST_MARKS || last.1 - first.1 < LEAST_SECONDS {
        return None;
    }
    let claimed = f64::from(claimed_hz.max(1));
    let counted = |mark: &(u64, f64)| (mark.0.saturating_sub(first.0)) as f64 / claimed;
    // Where the stamps run ahead of the count, and when.
    let middle = |part: &[(u64, f64)]| {
        let mut ahead: Vec<f64> = part.iter().map(|mark| mark.1 - first.1 - counted(mark)).collect();
        ahead.sort_by(f64::total_cmp);
        let time = part.iter().map(counted).sum::<f64>() / part.len() as f64;
        Some((time, *ahead.get(ahead.len() / 2)?))
    };
    let (early, late) = (middle(&marks[..third])?, middle(&marks[marks.len() - third..])?);
    let slope = (late.1 - early.1) / (late.0 - early.0);
    (slope > -1.0).then(|| claimed / (1.0 + slope))
}
