//! What people and administrators see on the pages, and press there.

use medict::samples::browser::Browser;
use serde_json::{Value, json};

use crate::world::{World, stories};

fn provider(id: &str, name: &str) -> Value {
    json!({ "resourceType": "IdentityProvider", "id": id, "type": "oidc", "name": name,
        "configuration": { "issuer": format!("https://{id}.example"), "clientId": "c" } })
}

/// An administrator, signed in with a password.
async fn administrator(world: &World) -> Browser {
    world
        .apply(vec![
            json!({ "resourceType": "User", "username": "root", "password": "Correct-horse-1",
                "name": [{ "given": ["Rosa"], "family": "Öhm" }] }),
            json!({ "resourceType": "UserRole", "user": { "reference": "User/root" },
                "role": { "reference": "Role/administrator" } }),
        ])
        .await;
    let mut browser = world.browser();
    browser.open(&format!("{}/login?return_to=/admin", world.url)).await.expect("a chooser");
    let form = browser.form("/identifier").expect("a form").with("identifier", "root");
    browser.submit(form).await.expect("a password is asked");
    let form = browser.form("/password").expect("a form").with("password", "Correct-horse-1");
    assert_eq!(browser.submit(form).await.expect("the pages").url.path(), "/admin");
    browser
}

async fn shown(browser: &mut Browser, world: &World, path: &str) -> String {
    let page = browser.open(&format!("{}{path}", world.url)).await.expect("a page");
    assert_eq!(page.status, 200, "{path}: {}", page.text);
    page.text.clone()
}

/// Whether the texts stand on the page in this order.
fn in_order(page: &str, texts: &[&str]) -> bool {
    let places: Vec<_> = texts.iter().filter_map(|text| page.find(text)).collect();
    places.len() == texts.len() && places.is_sorted()
}

stories! {
    /// Of many providers the person finds the own by a part of its name; an address comes first.
    async fn many_providers_are_searched(world: World) {
        let few: Vec<_> = (1..=6).map(|n| provider(&format!("k{n}"), &format!("Klinik Nr. {n}"))).collect();
        world.apply(few).await;
        let mut browser = world.browser();
        let shop = world.shop();
        let start = shop.authorize_url(&[]);
        let page = browser.open(&start).await.expect("a chooser").text.clone();
        assert!(in_order(&page, &["Corporate SAML", "Klinik Nr. 1<", "/identifier"]), "{page}");
        assert!(!page.contains("search"), "eight need none: {page}");

        let more = (7..=24).map(|n| provider(&format!("k{n}"), &format!("Klinik Nr. {n}")));
        world.apply(more.chain([provider("u", "Ärztehaus Straß"), provider("z", "zuletzt")]).collect()).await;
        let page = browser.open(&start).await.expect("a chooser").text.clone();
        let expected = ["/identifier", "rztehaus", "Corporate SAML", "Klinik Nr. 2<", "Klinik Nr. 10<", "the first 20"];
        assert!(in_order(&page, &expected), "{page}");
        assert!(!page.contains("zuletzt"), "{page}");

        let form = browser.form("#organizations").expect("a search");
        let page = browser.submit(form.with("q", "STRASS arzte")).await.expect("found").text.clone();
        assert!(page.contains("rztehaus") && !page.contains("Klinik"), "{page}");
        let form = browser.form("#organizations").expect("a search");
        let page = browser.submit(form.with("q", "<nowhere>")).await.expect("nothing").text.clone();
        assert!(page.contains("No organization has that") && page.contains("/identifier"), "{page}");
        let form = browser.form("#organizations").expect("a search");
        browser.submit(form.with("q", "openid")).await.expect("found");
        let form = browser.form("/provider").expect("buttons").press("idp", "openid");
        browser.submit(form).await.expect("the way");
        shop.redeem(&shop.code(&browser)).await.expect("tokens");
    }

    /// Pages say what is there: one of a thing is not many, and an organization has its name on top.
    async fn pages_call_things_by_their_names(world: World) {
        let mut browser = administrator(&world).await;
        let page = shown(&mut browser, &world, "/admin").await;
        assert!(page.contains("<strong>1</strong> organization<"), "{page}");
        assert!(page.contains("<strong>2</strong> identity providers<"), "{page}");
        let page = shown(&mut browser, &world, "/admin/organizations/general").await;
        assert!(page.contains("<h1>General Hospital</h1>"), "{page}");
        assert!(page.contains("<title>General Hospital"), "{page}");
        let url = format!("{}/device?user_code=AAAA-AAAA", world.url);
        let page = browser.open(&url).await.expect("a page").text.clone();
        assert!(page.contains("aria-describedby=\"problem\""), "{page}");
    }
}
