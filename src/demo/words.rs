//! What the demonstration says.

use std::fmt::Write;

use url::Url;

use super::{
    Places,
    broker::ADMINISTRATOR,
    people::{GUESTS, PASSWORD, Person, STAFF},
};
use crate::samples::browser::Hop;

/// What to click, for whoever started it.
pub(super) fn invitation(places: &Places, admin_password: &str) -> String {
    let mut text = format!(
        "
  Medict is running, with neighbours to try it on.

  Open     {app}/
           the sample application; sign in by either provider

  SAML     {staff}
  OpenID   {guests}
           password for all of them: {PASSWORD}

  Then     {broker}/account   what Medict knows of you
           {broker}/admin     providers, applications, people, logins
           as {ADMINISTRATOR} with {admin_password}
",
        app = places.app,
        broker = places.broker,
        staff = names(STAFF),
        guests = names(GUESTS),
    );
    text.push_str(
        "
  Keys, passwords and data were made for this run and are gone when it ends.
  Ctrl-C stops it.\n",
    );
    text
}

/// `ada (Ada Lovelace, physician), grace (…)`.
fn names(people: &[Person]) -> String {
    let name =
        |person: &Person| format!("{} ({}, {})", person.username, person.name(), person.role);
    people.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// One line of the check: how long, and what happened.
pub(super) fn line(millis: u128, text: &str) -> String {
    let mut line = String::new();
    // Writing to a string cannot fail.
    write!(line, "  {millis:>5} ms  {text}").ok();
    line
}

/// What happened in one request.
pub(super) fn told(hop: &Hop, places: &Places) -> String {
    let at = |place: &str| Url::parse(place).is_ok_and(|url| url.origin() == hop.url.origin());
    let path = hop.url.path();
    let refused = hop.status >= 400;
    let known = match path {
        _ if refused => None,
        _ if at(&places.app) => at_the_application(path),
        _ if at(&places.broker) => at_the_broker(path),
        _ if at(&places.saml) => at_the_saml_provider(path),
        _ if at(&places.oidc) => at_the_openid_provider(path),
        _ => None,
    };
    known
        .map_or_else(|| format!("{} {} answers {}", hop.method, hop.url, hop.status), str::to_owned)
}

fn at_the_application(path: &str) -> Option<&'static str> {
    Some(match path {
        "/" => "the application shows its page",
        "/sign-in" => "the application sends the browser to the broker",
        "/callback" => "the application redeems the code and verifies the ID token",
        _ => return None,
    })
}

fn at_the_broker(path: &str) -> Option<&'static str> {
    Some(match path {
        "/oauth2/authorize" => "the broker sends the browser to the provider",
        _ if path.starts_with("/saml/") => "the broker verifies the SAML response",
        _ if path.starts_with("/oidc/") => {
            "the broker redeems the provider's code, verifies its ID token, and answers with a code"
        }
        _ if path.starts_with("/login/") => "the broker maps the person and answers with a code",
        _ => return None,
    })
}

fn at_the_saml_provider(path: &str) -> Option<&'static str> {
    Some(match path {
        "/sso" => "the SAML provider reads the AuthnRequest and asks for the password",
        "/login" => "the SAML provider signs a response",
        _ => return None,
    })
}

fn at_the_openid_provider(path: &str) -> Option<&'static str> {
    Some(match path {
        "/authorize" => "the OpenID provider reads the request and asks for the password",
        "/login" => "the OpenID provider answers with a code",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_invitation_names_every_door_and_every_person() {
        let places = Places::unbuilt();
        let text = invitation(&places, "K7QF2-M9XBT");
        for part in
            ["http://127.0.0.1:2/", "localhost:1/admin", "K7QF2-M9XBT", "demo", ADMINISTRATOR]
        {
            assert!(text.contains(part), "{part}");
        }
        for person in STAFF.iter().chain(GUESTS) {
            assert!(text.contains(&person.name()), "{}", person.username);
        }
    }

    #[test]
    fn what_was_refused_is_told_as_it_was() {
        let places = Places::unbuilt();
        let hop = |status| Hop {
            method: http::Method::POST,
            url: Url::parse("http://localhost:1/saml/x/acs").expect("url"),
            status,
            millis: 1,
        };
        assert_eq!(told(&hop(303), &places), "the broker verifies the SAML response");
        assert_eq!(told(&hop(400), &places), "POST http://localhost:1/saml/x/acs answers 400");
    }
}
