//! When metadata is looked at again.

use crate::domain::{resource::SamlConfiguration, words::UnixTime};

/// Where nothing says how long metadata is fresh, in seconds.
const USUAL: i64 = 4 * 3_600;
/// However short or long the metadata wants it, in seconds.
const SHORTEST: i64 = 300;
const LONGEST: i64 = 86_400;
/// After the first failure; doubles with each, up to an hour. In seconds.
const FIRST_PAUSE: i64 = 60;
const LONGEST_PAUSE: i64 = 3_600;

/// Seconds until the next look after a good answer: as configured, else as the metadata asks, well before it ends.
pub(super) fn interval(
    saml: &SamlConfiguration,
    (cache_duration, valid_until): (Option<i64>, Option<UnixTime>),
    now: UnixTime,
) -> i64 {
    if let Some(seconds) = saml.metadata_refresh_seconds {
        return seconds;
    }
    let asked = cache_duration.unwrap_or(USUAL);
    let left = valid_until.map_or(LONGEST, |end| end.since(now) / 2);
    asked.min(left).clamp(SHORTEST, LONGEST)
}

/// Seconds until the next look after so many failures in a row.
pub(super) fn pause(saml: &SamlConfiguration, failures: i64, now: UnixTime) -> i64 {
    let pause = FIRST_PAUSE << failures.clamp(1, 7).saturating_sub(1);
    pause.min(LONGEST_PAUSE).min(interval(saml, (None, None), now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_keeps_within_bounds_and_before_the_end() {
        let saml = |more: serde_json::Value| -> SamlConfiguration {
            let mut value = serde_json::json!({ "metadataUrl": "https://idp.example/metadata" });
            value
                .as_object_mut()
                .expect("object")
                .extend(more.as_object().expect("object").clone());
            serde_json::from_value(value).expect("a configuration")
        };
        let now = UnixTime(1_800_000_000);
        let plain = saml(serde_json::json!({}));
        for (freshness, expected) in [
            ((None, None), USUAL),
            ((Some(60), None), SHORTEST),
            ((Some(3_600), None), 3_600),
            ((Some(i64::MAX), None), LONGEST),
            ((Some(3_600), Some(now.plus(1_000))), 500),
            ((None, Some(now.plus(-1))), SHORTEST),
        ] {
            assert_eq!(interval(&plain, freshness, now), expected, "{freshness:?}");
        }
        let own = saml(serde_json::json!({ "metadataRefreshSeconds": 600 }));
        assert_eq!(interval(&own, (Some(3_600), None), now), 600);
    }
}
