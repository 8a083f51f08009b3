//! `GET /admin/users?q=…&from=…`.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    super::{
        Admin, Answer, Frame, Moment, Section,
        frame::{query, show},
    },
    KIND,
};
use crate::{
    broker::accounts::{Account, PAGE},
    domain::words::UnixTime,
};

#[derive(Template)]
#[template(path = "admin/users/list.html")]
struct List {
    frame: Frame,
    text: String,
    rows: Vec<Row>,
    /// Where the neighbouring pages begin.
    previous: Option<i64>,
    next: Option<i64>,
    may_write: bool,
}

struct Row {
    id: String,
    name: String,
    username: String,
    email: String,
    active: bool,
    last_login: Option<Moment>,
}

pub async fn list(admin: Admin, request: HttpRequest) -> Answer {
    admin.may(KIND, "read")?;
    let query = query(&request);
    let text = query.get("q").unwrap_or_default().to_owned();
    let from = query.get("from").and_then(|from| from.parse().ok()).unwrap_or(0).max(0);
    let found = admin.broker().list_users(&text, from).await;
    let rows: Vec<_> = found.map_err(|e| admin.failed(e))?.iter().map(Row::new).collect();
    let full = i64::try_from(rows.len()).is_ok_and(|rows| rows == PAGE);
    let page = List {
        frame: Frame::new(&admin, Section::Users, &request),
        previous: (from > 0).then(|| (from - PAGE).max(0)),
        next: (full && text.is_empty()).then(|| from.saturating_add(PAGE)),
        text,
        rows,
        may_write: admin.can(KIND, "write"),
    };
    Ok(show(StatusCode::OK, &page))
}

impl Row {
    fn new(account: &Account) -> Self {
        Self {
            id: account.id.clone(),
            name: account.display_name().unwrap_or_default(),
            username: account.username.clone().unwrap_or_default(),
            email: account.email.clone().unwrap_or_default(),
            active: account.active,
            last_login: account.last_login_at.map(|at| Moment::new(UnixTime(at))),
        }
    }

    /// What the link to the account reads.
    fn label(&self) -> &str {
        let texts = [&self.name, &self.username, &self.email];
        texts.into_iter().find(|text| !text.is_empty()).map_or(self.id.as_str(), String::as_str)
    }
}
