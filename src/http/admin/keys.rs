//! Our own keys: which sign, which wait, which retire; and the roll-over of those towards providers.

use actix_web::{HttpRequest, http::StatusCode, web};
use askama::Template;

use super::{
    super::{form::Form, page::see_other},
    Admin, Answer, Frame, Moment, Section,
    frame::show,
    in_fours,
};
use crate::{
    broker::{KeyInfo, NotMoved, resources::WriteError},
    domain::resource::SigningAlg,
};

const KIND: &str = "SigningKey";

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/admin/keys").route(web::get().to(list)).route(web::post().to(rotate)),
    )
    .route("/admin/keys/{kid}", web::post().to(move_on));
}

#[derive(Template)]
#[template(path = "admin/keys.html")]
struct Keys {
    frame: Frame,
    rows: Vec<Row>,
    waits: bool,
    may_write: bool,
}

struct Row {
    kid: String,
    purpose: String,
    alg: String,
    state: String,
    since: Moment,
    moves_at: Option<Moment>,
    fingerprint: Option<String>,
    ends: Option<Moment>,
    saml: bool,
}

async fn list(admin: Admin, request: HttpRequest) -> Answer {
    admin.may(KIND, "read")?;
    let keys = admin.broker().list_keys().await.map_err(|error| admin.failed(error))?;
    let mut rows: Vec<_> =
        keys.into_iter().filter(|key| key.state != "retired").map(Row::new).collect();
    rows.sort_by(|a, b| (&b.saml, &a.purpose, &a.state).cmp(&(&a.saml, &b.purpose, &b.state)));
    let waits = rows.iter().any(|row| row.saml && row.state == "next");
    let frame = Frame::new(&admin, Section::Keys, &request);
    let page = Keys { frame, rows, waits, may_write: admin.can(KIND, "write") };
    Ok(show(StatusCode::OK, &page))
}

impl Row {
    fn new(key: KeyInfo) -> Self {
        Self {
            saml: key.purpose == "saml",
            kid: key.kid,
            purpose: key.purpose,
            alg: key.alg,
            state: key.state,
            since: Moment::new(key.since),
            moves_at: key.moves_at.map(Moment::new),
            fingerprint: key.certificate.as_ref().map(|info| in_fours(&info.fingerprint)),
            ends: key.certificate.map(|info| Moment::new(info.not_after)),
        }
    }

    /// What it does in this state.
    fn does(&self) -> &'static str {
        match (self.saml, self.state.as_str(), self.alg.as_str()) {
            (true, "next", _) => "published, does not sign yet",
            (true, "active", "ES256") => "signs",
            (true, "active", _) => "decrypts, and signs unless an ES256 key does",
            (true, _, _) => "decrypts, published still",
            (false, "next", _) => "published, signs after the next rotation",
            (false, "active", _) => "signs",
            (false, _, _) => "published while tokens of it are about",
        }
    }
}

/// `POST /admin/keys`: a new SAML key of `alg`, published and waiting.
async fn rotate(admin: Admin, Form(form): Form) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let alg = if form.get("alg") == Some("ES256") { SigningAlg::ES256 } else { SigningAlg::RS256 };
    let made = admin.broker().rotate_saml_key(alg, admin.author().actor).await;
    made.map_err(|error| admin.refused(refusal(error)))?;
    Ok(see_other("/admin/keys?published=1"))
}

/// `POST /admin/keys/{kid}`: `action` is `use` or `retire`.
async fn move_on(admin: Admin, kid: web::Path<String>, Form(form): Form) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let actor = admin.author().actor;
    let uses = form.get("action") == Some("use");
    let moved = if uses {
        admin.broker().use_saml_key(&kid, actor).await
    } else {
        admin.broker().retire_saml_key(&kid, actor).await
    };
    moved.map_err(|error| admin.refused(refusal(error)))?;
    Ok(see_other(if uses { "/admin/keys?used=1" } else { "/admin/keys?retired=1" }))
}

fn refusal(error: NotMoved) -> WriteError {
    match error {
        NotMoved::Failed(error) => error.into(),
        NotMoved::OneWaits(_) | NotMoved::NotWaiting(_) | NotMoved::NotRetirable(_) => {
            WriteError::Conflict("the keys".to_owned())
        }
    }
}
