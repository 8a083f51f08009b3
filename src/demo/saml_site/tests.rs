use actix_web::{App, test};
use openssl::{pkey::PKey, rsa::Rsa};
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::{
    domain::{
        resource::SamlConfiguration,
        trace::Trace,
        words::{RequestId, UnixTime},
    },
    samples::browser::Form,
    sp::{
        self, Idp, Outgoing, RequestOptions, ServiceProvider, SpKey, build_authn_request,
        make_certificate, verify_response,
    },
};

/// The broker's hat, without the broker.
struct Broker {
    sp: ServiceProvider,
    idp: Idp,
    configuration: SamlConfiguration,
    now: UnixTime,
}

impl Broker {
    fn towards(site: &SamlSite, more: Value) -> Self {
        let mut wire = json!({ "metadataXml": site.idp.metadata() });
        if let (Value::Object(wire), Value::Object(more)) = (&mut wire, more) {
            wire.extend(more);
        }
        let configuration: SamlConfiguration = serde_json::from_value(wire).expect("valid");
        let key = PKey::from_rsa(Rsa::generate(2048).expect("key")).expect("key");
        let now = site.clock.now();
        let certificate = make_certificate(&key, "medict", now, &[1]).expect("certificate");
        let sp = ServiceProvider {
            entity_id: site.sp_entity_id.clone(),
            acs_url: site.acs_url.clone(),
            slo_url: site.acs_url.replace("/acs", "/slo"),
            keys: vec![SpKey { key, certificate }],
        };
        let idp = Idp::new(&configuration, None).expect("metadata");
        Self { sp, idp, configuration, now }
    }

    fn ask(&self, id: &str) -> Outgoing {
        let (id, options) = (RequestId::from(id), RequestOptions::default());
        let Self { sp, idp, configuration, now } = self;
        build_authn_request(sp, idp, configuration, &id, "relay", *now, options).expect("built")
    }

    fn verify(&self, answer: &Form, id: &str) -> Result<sp::VerifiedAssertion, sp::Rejection> {
        let response = answer.value("SAMLResponse").expect("a response");
        let trace = &mut Trace::default();
        verify_response(response, &self.idp, &self.sp, &id.into(), self.now, trace)
    }
}

/// The forms of the page that answers `request`.
async fn forms(site: &web::Data<SamlSite>, request: test::TestRequest) -> (u16, Vec<Form>) {
    let app = App::new().app_data(site.clone()).configure(SamlSite::routes);
    let app = test::init_service(app).await;
    let response = test::call_service(&app, request.to_request()).await;
    let status = response.status().as_u16();
    let body = test::read_body(response).await;
    let text = String::from_utf8(body.to_vec()).expect("text");
    let url = Url::parse("http://127.0.0.1:3/sso").expect("url");
    (status, Form::read_all(&text, &url))
}

fn request_of(outgoing: Outgoing) -> test::TestRequest {
    match outgoing {
        Outgoing::Redirect { url } => {
            let path = url.strip_prefix("http://127.0.0.1:3").expect("this site");
            test::TestRequest::get().uri(path)
        }
        Outgoing::Post { parameter, message, relay_state, .. } => {
            let fields = [(parameter, message), ("RelayState", relay_state)];
            test::TestRequest::post().uri("/sso").set_form(fields)
        }
    }
}

fn filled(form: &Form, password: &str) -> test::TestRequest {
    let ticket = form.value("ticket").expect("a ticket");
    let fields = [("ticket", ticket), ("username", "ada"), ("password", password)];
    test::TestRequest::post().uri("/login").set_form(fields)
}

fn site() -> web::Data<SamlSite> {
    web::Data::new(SamlSite::new(&Places::unbuilt(), Clock::default()).expect("keys"))
}

#[actix_web::test]
async fn a_request_by_either_way_ends_in_a_response_that_we_believe() {
    for binding in ["redirect", "post"] {
        let site = site();
        let broker = Broker::towards(&site, json!({ "ssoBinding": binding }));
        let (_, login) = forms(&site, request_of(broker.ask("_1"))).await;
        let (status, again) = forms(&site, filled(&login[0], "wrong")).await;
        assert_eq!((status, again[0].value("username")), (403, Some("ada")));
        let (_, answer) = forms(&site, filled(&again[0], "demo")).await;
        assert_eq!(answer[0].action.as_str(), site.acs_url);
        assert_eq!(answer[0].value("RelayState"), Some("relay"));
        let assertion = broker.verify(&answer[0], "_1").expect("believed");
        assert_eq!(assertion.statement().subject.as_deref(), Some("ada"));
        assert_eq!(assertion.statement().values("groups"), ["GG-Physicians"]);
        assert!(broker.verify(&answer[0], "_2").is_err(), "an answer to another request");
        let (status, _) = forms(&site, filled(&again[0], "demo")).await;
        assert_eq!(status, 400, "answered once");
    }
}

#[actix_web::test]
async fn strangers_get_no_answer() {
    let site = site();
    for (change, unheard) in [
        (("entity", "http://evil.example"), Unheard::Stranger),
        (("acs", "http://evil.example/acs"), Unheard::ElsewhereAcs),
    ] {
        let mut broker = Broker::towards(&site, json!({}));
        match change.0 {
            "entity" => broker.sp.entity_id = change.1.into(),
            _ => broker.sp.acs_url = change.1.into(),
        }
        let Outgoing::Redirect { url } = broker.ask("_1") else { panic!("by redirect") };
        let query = url.split_once('?').expect("a query").1;
        let asked = site.idp.read_redirect(query).expect("readable");
        assert_eq!(site.check(asked), Err(unheard));
    }
    for uri in ["/sso", "/sso?SAMLRequest=x"] {
        let (status, forms) = forms(&site, test::TestRequest::get().uri(uri)).await;
        assert_eq!((status, forms.len()), (400, 0), "{uri}");
    }
}
