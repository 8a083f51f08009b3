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

/// The neighbouring page; `None`: there is none.
async fn turned(browser: &mut Browser, way: &str) -> Option<String> {
    let link = browser.page().links().into_iter().find(|link| link.text == way)?;
    Some(browser.open(link.href.as_str()).await.expect("a page").text.clone())
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

    /// The audit log names people, leads to traces, and goes back to its beginning page by page.
    async fn the_audit_log_is_read_page_by_page(world: World) {
        let mut browser = administrator(&world).await;
        let roles = |name: &str| (0..60).map(|n| json!({ "resourceType": "Role", "id": format!("r{n}"),
            "name": name, "permissions": [] })).collect::<Vec<_>>();
        for name in ["one", "two", "three", "four"] {
            world.apply(roles(name)).await;
        }
        let newest = shown(&mut browser, &world, "/admin/audit").await;
        assert_eq!(newest.matches("Role/r").count(), 100, "{newest}");
        assert!(!newest.contains(">Newer<"));
        let mut pages = vec![newest];
        while let Some(older) = turned(&mut browser, "Older").await {
            pages.push(older);
        }
        let oldest = pages.last().expect("a page");
        assert!(oldest.contains("the first chain") && !oldest.contains("anchors"), "{oldest}");
        let all = pages.concat();
        assert_eq!(all.matches("Role/r").count(), 4 * 60, "each once");
        assert!(all.contains(">Rosa Öhm</a>"), "{all}");
        assert!(all.contains("href=\"/admin/traces/"), "{all}");
        for page in pages.iter().rev().skip(1) {
            assert_eq!(turned(&mut browser, "Newer").await.as_ref(), Some(page));
        }

        let page = shown(&mut browser, &world, "/admin/audit?action=sign-in").await;
        assert!(page.contains("<td data-label=\"What\">sign in") && !page.contains("Role/"), "{page}");
        browser.click("/admin/users/").await.expect("the person");
        let page = browser.click("/admin/audit?user=").await.expect("the log").text.clone();
        assert!(page.contains("Only what <a") && !page.contains("Role/r1"), "{page}");
        let page = shown(&mut browser, &world, "/admin/audit?older=x&newer=1.2&action=%3Cb%3E&user=zzz").await;
        assert!(page.contains("Nothing of that kind"), "{page}");
    }

    /// Lists of many are searched and turned over.
    async fn long_lists_have_a_search_and_pages(world: World) {
        let mut browser = administrator(&world).await;
        let providers = (1..=60).map(|n| provider(&format!("k{n}"), &format!("Klinik Nr. {n}")));
        let applications = (1..=60).map(|n| json!({ "resourceType": "ClientApplication", "id": format!("a{n}"),
            "name": format!("Übersicht {n}"), "redirectUris": [world.neighbours.callback()] }));
        world.apply(providers.chain(applications).collect()).await;
        for (path, first, last, typed) in [
            ("/admin/providers", "Klinik Nr. 2<", "Klinik Nr. 60<", "nr 60"),
            ("/admin/applications", "bersicht 2<", "bersicht 60<", "UBERSICHT 60"),
        ] {
            let page = shown(&mut browser, &world, path).await;
            assert!(page.contains(first) && !page.contains(last), "{page}");
            let next = turned(&mut browser, "Next").await.expect("a page");
            assert!(next.contains(last) && !next.contains(first), "{next}");
            assert_eq!(turned(&mut browser, "Previous").await, Some(page));
            let form = browser.form(path).expect("a search").with("q", typed);
            let found = browser.submit(form).await.expect("found").text.clone();
            assert!(found.contains(last) && !found.contains(first), "{found}");
            let form = browser.form(path).expect("a search").with("q", "<none>");
            let none = browser.submit(form).await.expect("nothing").text.clone();
            assert!(none.contains("“&#60;none&#62;” in its name or id"), "{none}");
        }
        let page = shown(&mut browser, &world, "/admin/applications/new").await;
        assert!(page.contains("<div class=\"choices\">"), "{page}");
    }
}
