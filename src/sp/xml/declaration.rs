//! `<?xml version="1.0" encoding="UTF-8"?>` (XML 1.0 §2.8).

use super::Rejection;

const SPACE: [char; 3] = [' ', '\t', '\n'];

/// What follows the XML declaration, if there is one.
///
/// # Errors
/// [`Rejection::ForeignEncoding`] for another encoding than UTF-8 or another version than 1.0.
pub(in super::super) fn after_declaration(text: &str) -> Result<&str, Rejection> {
    let Some(rest) = text.strip_prefix("<?xml") else { return Ok(text) };
    if !rest.starts_with(SPACE) {
        return Ok(text);
    }
    let (mut declaration, rest) = rest.split_once("?>").ok_or(Rejection::NotWellFormed)?;
    let version = take(&mut declaration, "version")?;
    let encoding = take(&mut declaration, "encoding")?.unwrap_or("UTF-8");
    let standalone = take(&mut declaration, "standalone")?.unwrap_or("no");
    let ours = version == Some("1.0") && encoding.eq_ignore_ascii_case("UTF-8");
    Rejection::ForeignEncoding.unless(ours)?;
    let whole = declaration.trim_matches(SPACE).is_empty() && matches!(standalone, "yes" | "no");
    if whole { Ok(rest) } else { Err(Rejection::NotWellFormed) }
}

/// The value of `name`, if it comes next.
fn take<'t>(declaration: &mut &'t str, name: &str) -> Result<Option<&'t str>, Rejection> {
    let spaced = declaration.starts_with(SPACE);
    let Some(rest) = declaration.trim_start_matches(SPACE).strip_prefix(name) else {
        return Ok(None);
    };
    let rest = rest.trim_start_matches(SPACE).strip_prefix('=').filter(|_| spaced);
    let rest = rest.ok_or(Rejection::NotWellFormed)?.trim_start_matches(SPACE);
    let quote = if rest.starts_with('"') { '"' } else { '\'' };
    let quoted = rest.strip_prefix(quote).and_then(|rest| rest.split_once(quote));
    let (value, rest) = quoted.ok_or(Rejection::NotWellFormed)?;
    *declaration = rest;
    Ok(Some(value))
}
