use actix_web::{App, test};

use super::*;
use crate::{
    broker::Clock,
    demo::site::Plot,
    samples::oidc_provider::{SampleClient, SampleOp},
};

/// A provider that answers discovery only, and the application that asks it.
async fn neighbourhood() -> (super::super::site::Site, web::Data<AppSite>) {
    let plot = Plot::new().expect("a port");
    let places = Places { broker: plot.url.clone(), ..Places::unbuilt() };
    let app = AppSite::new(&places, Clock::default()).expect("an application");
    (plot.serve(Discovery(places.broker)).expect("served"), web::Data::new(app))
}

struct Discovery(String);

impl Inhabitant for Discovery {
    fn leads_to(&self) -> Vec<String> {
        Vec::new()
    }

    fn routes(app: &mut web::ServiceConfig) {
        app.route("/.well-known/openid-configuration", web::get().to(discovery));
    }
}

async fn discovery(site: web::Data<Discovery>) -> HttpResponse {
    let (client_id, client_secret, redirect_uri) = (String::new(), None, String::new());
    let client = SampleClient { client_id, client_secret, redirect_uri };
    HttpResponse::Ok().json(SampleOp::new(&site.0, client).expect("a key").discovery())
}

/// Status and text of the answer to `GET path` with the cookie of a begun sign-in.
async fn get(site: &web::Data<AppSite>, path: &str, ticket: Option<&str>) -> (u16, String) {
    let app = App::new().app_data(site.clone()).configure(AppSite::routes);
    let app = test::init_service(app).await;
    let mut request = test::TestRequest::get().uri(path);
    if let Some(ticket) = ticket {
        request = request.cookie(Cookie::new(LOGIN_COOKIE, ticket.to_owned()));
    }
    let response = test::call_service(&app, request.to_request()).await;
    let status = response.status().as_u16();
    let body = test::read_body(response).await;
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

#[actix_web::test]
async fn a_sign_in_asks_with_state_nonce_and_challenge() {
    let (broker, site) = neighbourhood().await;
    let (url, _) = site.rp.begin(Some("sample-saml")).await.expect("begun");
    for part in ["state=", "nonce=", "code_challenge=", "S256", "idp=sample-saml", "+roles"] {
        assert!(url.contains(part), "{part} in {url}");
    }
    let (url, _) = site.rp.begin(None).await.expect("begun");
    assert!(!url.contains("idp="), "{url}");
    broker.stop().await;
}

#[actix_web::test]
async fn an_answer_to_another_sign_in_signs_nobody_in() {
    let (broker, site) = neighbourhood().await;
    for (query, with_cookie, reason) in [
        ("state=wrong&code=c", true, NotSignedIn::OtherState),
        ("code=c", true, NotSignedIn::OtherState),
        ("state=&code=c", true, NotSignedIn::OtherState),
        ("state=wrong&code=c", false, NotSignedIn::NotBegun),
    ] {
        let (_, begun) = site.rp.begin(None).await.expect("begun");
        let ticket = site.begun.keep(begun);
        let ticket = with_cookie.then_some(ticket.as_str());
        let (status, text) = get(&site, &format!("/callback?{query}"), ticket).await;
        let told = text.contains(&reason.to_string().replace('`', "&#96;"))
            || text.contains(&reason.to_string());
        assert_eq!((status, told), (400, true), "{query}: {text}");
        let (status, text) = get(&site, &format!("/callback?{query}"), ticket).await;
        assert_eq!(status, 400);
        assert!(text.contains("begun no sign-in"), "a ticket is good once: {text}");
    }
    broker.stop().await;
}
