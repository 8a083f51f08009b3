//! What is known of a provider's metadata, and what a person may decide about it.

use actix_web::{HttpRequest, web::Path};

use super::{
    super::{super::form::Form, Admin, Answer, Moment, desk::status_of, in_fours},
    KIND,
    edit::{back, show_edit, stored_sheet},
};
use crate::{
    broker::metadata::{Held, MetadataKey, MetadataState, Refreshed},
    domain::{
        metadata::{Change, Subject},
        words::{IdpId, UnixTime},
    },
};

/// The panel on the provider's page.
pub struct View {
    pub url: String,
    pub facts: Vec<(&'static str, Moment)>,
    pub error: Option<String>,
    pub keys: Vec<KeyRow>,
    pub held: Option<HeldView>,
    pub members: Option<(i64, i64)>,
}

pub struct KeyRow {
    pub subject: String,
    pub shown: String,
    pub fingerprint: String,
    pub not_after: Moment,
    pub expired: bool,
    pub draining: Option<Moment>,
}

pub struct HeldView {
    pub digest: String,
    pub since: Moment,
    pub changes: Vec<ChangeRow>,
}

pub struct ChangeRow {
    pub what: &'static str,
    pub was: Option<String>,
    pub now: Option<String>,
    pub policy: &'static str,
}

/// The panel, if this provider's metadata comes by URL.
pub async fn view(admin: &Admin, id: &str) -> Result<Option<View>, actix_web::Error> {
    let state = admin.broker().metadata_state(&IdpId(id.to_owned())).await;
    let now = admin.broker().clock.now();
    Ok(state.map_err(|error| admin.failed(error))?.map(|state| View::new(state, now)))
}

impl View {
    /// Whether something that was fetched is in force.
    pub fn is_there(&self) -> bool {
        self.members.is_some() || !self.keys.is_empty()
    }

    fn new(state: MetadataState, now: UnixTime) -> Self {
        let facts = [
            ("In force since", state.since),
            ("Last good answer", state.checked),
            ("Next look", state.next),
            ("Valid until", state.valid_until),
        ];
        let facts = facts.into_iter().filter_map(|(label, at)| Some((label, Moment::new(at?))));
        Self {
            members: state.members,
            url: state.url,
            facts: facts.collect(),
            error: state.error,
            keys: state.keys.into_iter().map(|key| KeyRow::new(key, now)).collect(),
            held: state.held.map(HeldView::new),
        }
    }
}

impl KeyRow {
    fn new(key: MetadataKey, now: UnixTime) -> Self {
        Self {
            shown: in_fours(&key.fingerprint),
            subject: key.subject,
            fingerprint: key.fingerprint,
            expired: key.not_after <= now,
            not_after: Moment::new(key.not_after),
            draining: key.draining.map(Moment::new),
        }
    }
}

impl HeldView {
    fn new(held: Held) -> Self {
        let changes = held.changes.into_iter().map(ChangeRow::new).collect();
        Self { digest: held.digest, since: Moment::new(held.since), changes }
    }
}

impl ChangeRow {
    fn new(change: Change) -> Self {
        let is_key = change.subject == Subject::SigningKey;
        let shown = |value: String| if is_key { in_fours(&value) } else { value };
        Self {
            what: change.subject.label(),
            was: change.was.map(shown),
            now: change.now.map(shown),
            policy: change.policy.label(),
        }
    }
}

/// `POST /admin/providers/{id}/metadata`: fetches it now, so that nobody waits for a mistake.
pub async fn fetch(
    admin: Admin,
    request: HttpRequest,
    id: Path<String>,
    Form(form): Form,
) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let (stored, sheet) = stored_sheet(&admin, &id)?;
    match admin.broker().renew_metadata(&IdpId(id.clone()), &admin.author()).await {
        Ok(Refreshed::Held) => Ok(back(&id, "held")),
        Ok(_) => Ok(back(&id, "fetched")),
        Err(error) => {
            let error = admin.mendable(error)?;
            let (status, sheet) = (status_of(&error), sheet.refused(&error));
            show_edit(status, &admin, &request, &stored, sheet).await
        }
    }
}

/// `POST /admin/providers/{id}/metadata/held`: `held` is the digest, `decision` is `accept` or `reject`.
pub async fn decide(admin: Admin, id: Path<String>, Form(form): Form) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let (idp, author, caller) = (IdpId(id.clone()), admin.author(), &admin.context.caller);
    let held = form.get("held").unwrap_or_default();
    let accepts = form.get("decision") == Some("accept");
    let decided = if accepts {
        admin.broker().accept_metadata(&idp, held, &author, caller).await
    } else {
        admin.broker().reject_metadata(&idp, held, &author, caller).await
    };
    decided.map_err(|error| admin.refused(error))?;
    Ok(back(&id, if accepts { "accepted" } else { "rejected" }))
}

/// `POST /admin/providers/{id}/metadata/keys`: ends the draining key `fingerprint` at once.
pub async fn end_key(admin: Admin, id: Path<String>, Form(form): Form) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let (idp, author, caller) = (IdpId(id.clone()), admin.author(), &admin.context.caller);
    let fingerprint = form.get("fingerprint").unwrap_or_default();
    let ended = admin.broker().end_draining_key(&idp, fingerprint, &author, caller).await;
    ended.map_err(|error| admin.refused(error))?;
    Ok(back(&id, "saved"))
}
