//! The browser against a real server.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::header, web};

use super::*;

/// A site at `http://127.0.0.1:{port}` that sets a Lax cookie, redirects, and shows what came.
fn site() -> String {
    let server = HttpServer::new(|| {
        App::new()
            .route("/set", web::get().to(set))
            .route("/go", web::to(go))
            .route("/loop", web::to(around))
            .route("/saml", web::get().to(saml))
            .route("/show", web::to(show))
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).expect("a free port");
    let port = server.addrs()[0].port();
    actix_web::rt::spawn(server.run());
    format!("http://127.0.0.1:{port}")
}

async fn set() -> HttpResponse {
    let cookie = "seen=yes; Path=/; HttpOnly; SameSite=Lax";
    HttpResponse::SeeOther()
        .insert_header((header::SET_COOKIE, cookie))
        .insert_header((header::LOCATION, "/show?from=set"))
        .finish()
}

async fn go() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, "show")).finish()
}

async fn around() -> HttpResponse {
    HttpResponse::Found().insert_header((header::LOCATION, "/loop")).finish()
}

async fn saml(request: HttpRequest) -> HttpResponse {
    // The same server by its other name is another site.
    let target = request.connection_info().host().replace("127.0.0.1", "localhost");
    let page = format!(
        "<form method=post action='http://{target}/show'>\
         <input type=hidden name=SAMLResponse value='a+b'><noscript><button>Go</button></noscript>"
    );
    HttpResponse::Ok().content_type("text/html").body(page)
}

async fn show(request: HttpRequest, body: String) -> String {
    let value = |name: header::HeaderName| {
        let found = request.headers().get(name).and_then(|value| value.to_str().ok());
        found.unwrap_or("-").to_owned()
    };
    let (cookie, origin) = (value(header::COOKIE), value(header::ORIGIN));
    let origin = if origin == "-" { "no origin" } else { "an origin" };
    format!("{} {cookie} {origin} {body}", request.method())
}

#[actix_web::test]
async fn redirects_are_followed_with_the_cookies_they_set() {
    let site = site();
    let mut browser = Browser::new().expect("a browser");
    let page = browser.open(&format!("{site}/set")).await.expect("a page");
    assert_eq!((page.status, page.text.as_str()), (200, "GET seen=yes no origin "));
    assert_eq!(page.url.query(), Some("from=set"));
    let way: Vec<_> = browser.hops().iter().map(|hop| (hop.url.path(), hop.status)).collect();
    assert_eq!(way, [("/set", 303), ("/show", 200)]);
    browser.jar().clear();
    let page = browser.open(&format!("{site}/go")).await.expect("a page");
    assert_eq!(page.text, "GET - no origin ");
}

#[actix_web::test]
async fn a_saml_form_posts_itself_and_brings_no_lax_cookie_to_another_site() {
    let site = site();
    let mut browser = Browser::new().expect("a browser");
    browser.open(&format!("{}/set", site.replace("127.0.0.1", "localhost"))).await.expect("set");
    let page = browser.open(&format!("{site}/saml")).await.expect("a page");
    assert_eq!(page.text, "POST - an origin SAMLResponse=a%2Bb");
}

#[actix_web::test]
async fn without_scripts_the_person_presses_the_button() {
    let site = site();
    let mut browser = Browser::new().expect("a browser").without_scripts();
    browser.open(&format!("{site}/saml")).await.expect("a page");
    let form = browser.form("/show").expect("the form");
    assert_eq!(form.buttons[0].text, "Go");
    let page = browser.submit(form).await.expect("a page");
    assert_eq!(page.text, "POST - an origin SAMLResponse=a%2Bb");
}

#[actix_web::test]
async fn there_is_an_end_to_everything() {
    let site = site();
    let mut browser = Browser::new().expect("a browser");
    let around = browser.open(&format!("{site}/loop")).await.map(drop);
    assert!(matches!(around, Err(Stuck::TooManyHops(_))));
    assert!(matches!(browser.open("nonsense").await, Err(Stuck::NotAUrl(_))));
    assert!(matches!(browser.open("http://127.0.0.1:1/").await, Err(Stuck::Unreachable { .. })));
    assert!(matches!(browser.form("x"), Err(Stuck::NoForm { .. })));
    assert!(matches!(browser.click("x").await, Err(Stuck::NoLink { .. })));
}
