//! What every page has around it: where we are, who we are, what just happened.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use askama::Template;

use super::{super::page::Page, Admin};
use crate::{domain::words::UnixTime, op::Parameters};

/// The parts of the administrators' pages, in the order of the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Overview,
    Providers,
    Applications,
    Users,
    Organizations,
    Roles,
    Keys,
    Audit,
}

/// A link of the navigation.
pub struct Tab {
    pub href: &'static str,
    pub label: &'static str,
    pub current: bool,
}

pub struct Frame {
    pub tabs: Vec<Tab>,
    pub who: String,
    pub csrf: String,
    pub notice: Option<&'static str>,
}

/// A fingerprint in groups of four: compared by eye, and broken where a line ends.
pub fn in_fours(fingerprint: &str) -> String {
    let fours: Vec<_> = fingerprint.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    fours.join(" ")
}

/// A time as people read it and as machines do.
pub struct Moment {
    pub machine: String,
    pub text: String,
}

impl Section {
    const ALL: [Self; 8] = [
        Self::Overview,
        Self::Providers,
        Self::Applications,
        Self::Users,
        Self::Organizations,
        Self::Roles,
        Self::Keys,
        Self::Audit,
    ];

    const fn href(self) -> &'static str {
        match self {
            Self::Overview => "/admin",
            Self::Providers => "/admin/providers",
            Self::Applications => "/admin/applications",
            Self::Users => "/admin/users",
            Self::Organizations => "/admin/organizations",
            Self::Roles => "/admin/roles",
            Self::Keys => "/admin/keys",
            Self::Audit => "/admin/audit",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Providers => "Providers",
            Self::Applications => "Applications",
            Self::Users => "People",
            Self::Organizations => "Organizations",
            Self::Roles => "Roles",
            Self::Keys => "Keys",
            Self::Audit => "Audit log",
        }
    }

    /// The resource type that one must be able to read to see it.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Overview | Self::Providers => "IdentityProvider",
            Self::Applications => "ClientApplication",
            Self::Users => "User",
            Self::Organizations => "Organization",
            Self::Roles => "Role",
            Self::Keys => "SigningKey",
            Self::Audit => "AuditEvent",
        }
    }
}

impl Frame {
    /// Around a page of `section`, with the notice that the address asks for.
    pub fn new(admin: &Admin, section: Section, request: &HttpRequest) -> Self {
        let seen = Section::ALL.into_iter().filter(|tab| admin.can(tab.kind(), "read"));
        let tab =
            |tab: Section| Tab { href: tab.href(), label: tab.label(), current: tab == section };
        Self {
            tabs: seen.map(tab).collect(),
            who: admin.name(),
            csrf: admin.csrf(),
            notice: notice(&query(request)),
        }
    }
}

impl Moment {
    pub fn new(at: UnixTime) -> Self {
        let machine = at.to_rfc3339();
        let text = machine.replace('T', " ").replace('Z', " UTC");
        Self { machine, text }
    }
}

/// The request's query; nothing where it cannot be read.
pub fn query(request: &HttpRequest) -> Parameters {
    Parameters::parse(request.query_string().as_bytes()).unwrap_or_default()
}

/// Fixed texts: an address never decides what a page says.
fn notice(query: &Parameters) -> Option<&'static str> {
    let texts = [
        ("saved", "Saved."),
        ("created", "Created."),
        ("enabled", "Enabled: people can sign in with it."),
        ("disabled", "Disabled: nobody can sign in with it."),
        ("granted", "Role given."),
        ("revoked", "Role taken back."),
        ("unchanged", "Nothing was changed."),
        (
            "published",
            "The new key is published. It signs when its wait is over, or when you say so.",
        ),
        ("used", "The key signs from now on. The one before it retires by itself."),
        ("retired", "The key is retired."),
        ("held", "The metadata was fetched. It moves trust, so it waits for your word."),
        ("accepted", "Accepted: the new metadata is in force."),
        ("rejected", "Rejected: what was before stays in force."),
        ("fetched", "The metadata was fetched and can be used."),
    ];
    texts.into_iter().find(|(name, _)| query.get(name).is_some()).map(|(_, text)| text)
}

/// A page of ours: forms lead to ourselves only.
pub fn show(status: StatusCode, template: &impl Template) -> HttpResponse {
    Page::status(status).render(template)
}
