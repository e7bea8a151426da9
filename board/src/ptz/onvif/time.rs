//! Coordinated universal time as cameras write it: fields in SOAP, the `Date` of HTTP, and the text of WS-Security.

const DAY_SECONDS: i64 = 86_400;

/// Seconds since the beginning of 1970 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Utc(pub i64);

impl Utc {
    /// A date and a time of day; `None` when there is no such moment in the years 1970 to 9999.
    pub fn from_fields(date: [i64; 3], time: [i64; 3]) -> Option<Self> {
        let [year, month, day] = date;
        let [hour, minute, second] = time;
        let sensible = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && (0..=24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..=60).contains(&second);
        sensible.then(|| Self(days_until(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second))
    }

    /// The `Date` of an HTTP answer, such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
    pub fn from_http_date(text: &str) -> Option<Self> {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let mut words = text.split_ascii_whitespace().skip(1);
        let day = words.next()?.parse().ok()?;
        let name = words.next()?;
        let month = 1 + i64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()?;
        let year = words.next()?.parse().ok()?;
        let mut clock = words.next()?.splitn(3, ':').map(|field| field.parse::<i64>().ok());
        let time = [clock.next()??, clock.next()??, clock.next()??];
        Self::from_fields([year, month, day], time)
    }

    /// As `2010-09-16T07:50:45Z`: without fractions, which some cameras do not read.
    pub fn to_text(self) -> String {
        let (year, month, day) = date_after(self.0.div_euclid(DAY_SECONDS));
        let of_day = self.0.rem_euclid(DAY_SECONDS);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    /// The fields of the date and of the time of day.
    pub fn fields(self) -> ([i64; 3], [i64; 3]) {
        let (year, month, day) = date_after(self.0.div_euclid(DAY_SECONDS));
        let of_day = self.0.rem_euclid(DAY_SECONDS);
        ([year, month, day], [of_day / 3600, of_day / 60 % 60, of_day % 60])
    }
}

// Both count in years that begin in March, so that the leap day is the last of its year; 719 468 days lie between the
// first of March of the year 0 and the first of January 1970, and 146 097 days are 400 years.

fn days_until(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date_after(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_moments() {
        assert_eq!(Utc(0).to_text(), "1970-01-01T00:00:00Z");
        assert_eq!(Utc(1_284_623_445).to_text(), "2010-09-16T07:50:45Z");
        assert_eq!(Utc(1_709_164_800).to_text(), "2024-02-29T00:00:00Z");
        assert_eq!(
            Utc::from_http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Utc(784_111_777))
        );
        assert_eq!(Utc::from_fields([2024, 13, 1], [0, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn fields_lead_back(seconds in 0_i64..253_402_300_799) {
            let (date, time) = Utc(seconds).fields();
            prop_assert_eq!(Utc::from_fields(date, time), Some(Utc(seconds)));
        }

        #[test]
        fn no_date_makes_it_panic(text in ".{0,60}") {
            let _ = Utc::from_http_date(&text);
        }
    }
}
