//! `xs:duration`, as `cacheDuration` uses it (SAML Metadata §2.3.2).

const DAY: i64 = 86_400;

/// Seconds; a month counts 30 days, a year 365. `None` for anything that is no duration, and for
/// negative ones.
pub(super) fn parse(text: &str) -> Option<i64> {
    let text = text.trim_ascii().strip_prefix('P')?;
    let (date, time) = match text.split_once('T') {
        Some((date, time)) if !time.is_empty() => (date, time),
        Some(_) => return None,
        None => (text, ""),
    };
    let days = sum(date, &[('Y', 365 * DAY), ('M', 30 * DAY), ('W', 7 * DAY), ('D', DAY)])?;
    let seconds = sum(time, &[('H', 3_600), ('M', 60), ('S', 1)])?;
    if text.is_empty() { None } else { days.checked_add(seconds) }
}

/// Adds up `1Y2M…`, units in this order; fractions of a second are cut.
fn sum(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut total = 0_i64;
    for (unit, seconds) in units {
        let Some((number, rest)) = text.split_once(*unit) else { continue };
        let whole = if *unit == 'S' { number.split('.').next()? } else { number };
        let number: u32 = whole.parse().ok()?;
        total = total.checked_add(i64::from(number).checked_mul(*seconds)?)?;
        text = rest;
    }
    if text.is_empty() { Some(total) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_become_seconds() {
        for (text, expected) in [
            ("PT1H", Some(3_600)),
            ("P1DT1M1.5S", Some(86_461)),
            ("P1Y1M", Some(395 * DAY)),
            ("PT604800.000S", Some(604_800)),
            ("P", None),
            ("PT", None),
            ("-P1D", None),
            ("P1H", None),
            ("1D", None),
            ("", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
