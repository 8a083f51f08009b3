//! Whatever comes to the authorization endpoint and its neighbours is answered, never by a 5xx, never by a
//! redirect to where nobody is registered, and nobody's markup is repeated.

use reqwest::{Client, RequestBuilder, Response, redirect::Policy};

use super::consent::{answer_page, asking};
use crate::world::{Dice, World, stories};

/// Requests for each endpoint and way.
const ROUNDS: u64 = 150;

impl Dice {
    /// A value that is odd in one way or another, already form-encoded.
    fn odd(&mut self) -> String {
        let plain = [
            "",
            "+",
            "a",
            "%00",
            "%",
            "%zz",
            "%ff%fe",
            "%C3%A9",
            "%F0%9F%8F%A5",
            "%0d%0aX:%20y",
            "%E2%80%AE",
            "%3Cscript%3Ealert(1)%3C/script%3E",
            "%22%27%60",
            "-1",
            "0",
            "1e9",
            "99999999999999999999",
            "null",
            "{}",
            "[]",
            "%7B%22userinfo%22%3A%7B%22name%22%3A%5B%5D%7D%7D",
            "%7B%22id_token%22%3A7%7D",
            "none",
            "none+login",
            "login+consent",
            "consent",
            "select_account",
            "create",
            "code",
            "token",
            "query",
            "fragment",
            "form_post",
            "S256",
            "plain",
            "openid",
            "openid+profile+offline_access",
            "eyJhbGciOiJub25lIn0.e30.",
            "..",
            "a.b.c",
            "https%3A%2F%2Fevil.example%2F",
            "javascript:alert(1)",
            "urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A",
            "urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Ax",
            "shop",
            "clinic",
            "corporate",
            "yes",
            "no",
        ];
        match self.below(20) {
            0 => "x".repeat(1 + self.below(3_000)),
            1 => "%C3%A4".repeat(1 + self.below(400)),
            2 => "%5B".repeat(1 + self.below(900)),
            _ => (*self.pick(&plain)).to_owned(),
        }
    }

    /// A form-encoded request like `good`, but for a few things.
    fn damage(&mut self, good: &[(String, String)], names: &[&str]) -> String {
        let mut pairs = good.to_vec();
        for _ in 0..=self.below(3) {
            let name = (*self.pick(names)).to_owned();
            match self.below(5) {
                0 => pairs.retain(|(other, _)| *other != name),
                1 if !pairs.is_empty() => {
                    let at = self.below(pairs.len());
                    pairs.push(pairs[at].clone());
                }
                2 => pairs.push((self.odd(), self.odd())),
                _ => {
                    pairs.retain(|(other, _)| *other != name);
                    pairs.push((name, self.odd()));
                }
            }
        }
        let encoded: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let text = encoded.join(*self.pick(&["&", "&", "&", "&", "&&", ";"]));
        let cut = if self.below(12) == 0 { self.below(text.len().max(1)) } else { text.len() };
        text[..cut].to_owned()
    }

    /// Cookies: good ones, damaged ones, none.
    fn cookies(&mut self, good: &str) -> String {
        match self.below(4) {
            0 => String::new(),
            1 => format!(
                "medict_session={}.{}; medict_browser={}",
                self.odd(),
                self.odd(),
                self.odd()
            ),
            2 => good.chars().rev().collect(),
            _ => good.to_owned(),
        }
    }
}

fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn pairs_of(url: &str) -> Vec<(String, String)> {
    let url = url::Url::parse(url).expect("a URL");
    url.query_pairs().map(|(name, value)| (encode(&name), encode(&value))).collect()
}

fn by_get(client: &Client, at: &str, form: &str) -> RequestBuilder {
    client.get(format!("{at}?{form}"))
}

fn by_post(client: &Client, at: &str, form: &str) -> RequestBuilder {
    let kind = "application/x-www-form-urlencoded";
    client.post(at).header("content-type", kind).body(form.to_owned())
}

/// Sends it, and holds the answer to what every answer is held to.
async fn sane(request: RequestBuilder, cookies: &str, homes: &[&str], what: &str) -> String {
    let request = match cookies {
        "" => request,
        cookies => request.header("cookie", cookies),
    };
    let answer: Response = request.send().await.unwrap_or_else(|error| panic!("{what}: {error}"));
    let status = answer.status().as_u16();
    assert!(status < 500, "{status}: {what}");
    let header = |name: &str| {
        answer.headers().get(name).map(|value| value.to_str().expect("ASCII").to_owned())
    };
    if let Some(location) = header("location") {
        let home = |home: &&str| location.starts_with(*home);
        let own = location.starts_with('/') && !location.starts_with("//");
        assert!(own || homes.iter().any(home), "led to {location}: {what}");
    }
    assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"), "{what}");
    let text = answer.text().await.expect("a body");
    assert!(!text.contains("<script>alert"), "{what}: {text}");
    text
}

const AUTHORIZE: &[&str] = &[
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "prompt",
    "max_age",
    "login_hint",
    "id_token_hint",
    "acr_values",
    "claims",
    "resource",
    "idp",
    "request",
    "request_uri",
    "registration",
    "code_challenge",
    "code_challenge_method",
    "ui_locales",
    "display",
];

stories! {
    async fn damaged_authorization_requests_are_answered(world: World) {
        let shop = asking(&world).await;
        let client = Client::builder().redirect(Policy::none()).no_proxy().build().expect("a client");
        let mut browser = world.browser();
        browser.open(&shop.authorize_url(&[("idp", "corporate")])).await.expect("a page");
        answer_page(&mut browser, "yes").await;
        let tokens = shop.redeem(&shop.code(&browser)).await.expect("tokens");
        let home = url::Url::parse(&world.url).expect("a URL");
        let cookies: Vec<_> = browser.jar().of("localhost").map(|c| format!("{}={}", c.name, c.value)).collect();
        let cookies = cookies.join("; ");
        let callback = world.neighbours.callback();
        let provider = world.neighbours.base.clone();
        let homes = [callback.as_str(), provider.as_str(), home.as_str()];

        let good = pairs_of(&shop.authorize_url(&[("id_token_hint", &tokens.id_token)]));
        let (authorize, par) = (format!("{}/oauth2/authorize", world.url), format!("{}/oauth2/par", world.url));
        for round in 0..ROUNDS {
            let mut dice = Dice::new(round);
            let form = dice.damage(&good, AUTHORIZE);
            let cookies = dice.cookies(&cookies);
            sane(by_get(&client, &authorize, &form), &cookies, &homes, &format!("GET {form}")).await;
            sane(by_post(&client, &authorize, &form), &cookies, &homes, &format!("POST {form}")).await;
            let answer = sane(by_post(&client, &par, &form), "", &[], &format!("PAR {form}")).await;
            serde_json::from_str::<serde_json::Value>(&answer).unwrap_or_else(|_| panic!("{form}: {answer}"));
        }

        let bye = world.neighbours.at("/bye");
        let homes = [bye.as_str(), provider.as_str(), home.as_str()];
        let logout = format!("{}/oauth2/logout", world.url);
        let names = ["id_token_hint", "post_logout_redirect_uri", "state", "client_id", "logout_hint", "csrf", "query"];
        let good = [("post_logout_redirect_uri", bye.as_str()), ("state", "s"), ("id_token_hint", "x.y.z")];
        let good = good.map(|(name, value)| (name.to_owned(), encode(value)));
        for round in 0..ROUNDS {
            let mut dice = Dice::new(round);
            let form = dice.damage(&good, &names);
            let cookies = dice.cookies("medict_session=guess; medict_browser=guess");
            sane(by_get(&client, &logout, &form), &cookies, &homes, &format!("GET {form}")).await;
            sane(by_post(&client, &logout, &form), &cookies, &homes, &format!("POST {form}")).await;
        }
        browser.open(&shop.authorize_url(&[("prompt", "none")])).await.expect("silent");
        shop.redeem(&shop.code(&browser)).await.expect("all is as it was");
    }

    async fn damaged_answers_of_consent_are_answered(world: World) {
        let shop = asking(&world).await;
        let client = Client::builder().redirect(Policy::none()).no_proxy().build().expect("a client");
        let mut browser = world.browser();
        browser.open(&shop.authorize_url(&[("idp", "corporate")])).await.expect("a page");
        let at = browser.page().url.to_string();
        let cookies: Vec<_> = browser.jar().of("localhost").map(|c| format!("{}={}", c.name, c.value)).collect();
        let cookies = cookies.join("; ");
        let homes = [world.url.as_str()];
        let account = format!("{}/account/applications", world.url);
        for round in 0..ROUNDS {
            let mut dice = Dice::new(round);
            // Never with the right secret: the person's word is still to come.
            let form = dice.damage(&[("answer".to_owned(), "yes".to_owned())], &["csrf", "answer", "client"]);
            let cookies = dice.cookies(&cookies);
            let place = match dice.below(3) {
                0 => format!("{}/login/{}/consent", world.url, encode(&dice.odd())),
                _ => at.clone(),
            };
            sane(client.get(&place), &cookies, &homes, &format!("GET {place}")).await;
            sane(by_post(&client, &place, &form), &cookies, &homes, &format!("POST {place} {form}")).await;
            sane(by_post(&client, &account, &form), &cookies, &homes, &format!("POST {account} {form}")).await;
        }
        browser.open(&at).await.expect("the page is still there");
        answer_page(&mut browser, "yes").await;
        shop.redeem(&shop.code(&browser)).await.expect("tokens");
    }

    async fn damaged_codes_of_devices_are_answered(world: World) {
        let client = Client::builder().redirect(Policy::none()).no_proxy().build().expect("a client");
        let mut browser = world.browser();
        world.shop().sign_in(&mut browser, "corporate").await;
        let cookies: Vec<_> = browser.jar().of("localhost").map(|c| format!("{}={}", c.name, c.value)).collect();
        let cookies = cookies.join("; ");
        let device = format!("{}/device", world.url);
        let good = [("user_code", "BCDF-GHJK"), ("answer", "yes"), ("csrf", "x")];
        let good = good.map(|(name, value)| (name.to_owned(), value.to_owned()));
        for round in 0..ROUNDS {
            let mut dice = Dice::new(round);
            let form = dice.damage(&good, &["user_code", "answer", "csrf"]);
            let cookies = dice.cookies(&cookies);
            sane(by_get(&client, &device, &form), &cookies, &[], &format!("GET {form}")).await;
            sane(by_post(&client, &device, &form), &cookies, &[], &format!("POST {form}")).await;
        }
    }
}
