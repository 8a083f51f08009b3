//! The files of the corpus.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::recipe::Recipe;

/// An honest response and the whole identity that it proves.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Valid {
    /// One sentence.
    pub(super) what: String,
    #[serde(rename = "message", default)]
    pub(super) recipe: Recipe,
    #[serde(default)]
    pub(super) identity: Identity,
}

/// What a response proves; left out, what the ordinary one does.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Identity {
    pub(super) subject: String,
    /// A transient name is no subject.
    pub(super) subject_absent: bool,
    pub(super) name_id: Option<String>,
    pub(super) name_id_format: Option<String>,
    pub(super) name_qualifier: Option<String>,
    pub(super) sp_name_qualifier: Option<String>,
    pub(super) attributes: BTreeMap<String, Value>,
    pub(super) friendly_names: BTreeMap<String, String>,
    pub(super) acr: Option<String>,
    pub(super) amr: Vec<String>,
    /// Seconds from now.
    pub(super) authenticated: i64,
    /// Seconds from now.
    pub(super) session_ends: Option<i64>,
    /// Seconds from now; the skew of a minute is included.
    pub(super) good_for: i64,
}

impl Default for Identity {
    fn default() -> Self {
        let class = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
        let mail = serde_json::json!(["ada@hospital.example"]);
        Self {
            subject: "ada".to_owned(),
            subject_absent: false,
            name_id: Some("ada".to_owned()),
            name_id_format: Some(super::super::names::PERSISTENT.to_owned()),
            name_qualifier: None,
            sp_name_qualifier: None,
            attributes: [("mail".to_owned(), mail)].into(),
            friendly_names: BTreeMap::new(),
            acr: Some(class.to_owned()),
            amr: vec!["pwd".to_owned()],
            authenticated: 0,
            session_ends: None,
            good_for: 360,
        }
    }
}

/// A response that must be refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Invalid {
    /// One sentence.
    pub(super) what: String,
    #[serde(rename = "message", default)]
    pub(super) recipe: Recipe,
    /// Keys of `attacks.toml`.
    pub(super) attack: Vec<String>,
    #[serde(default)]
    pub(super) cve: Vec<String>,
    #[serde(rename = "expected")]
    pub(super) refusal: Refusal,
    /// The same attack inside an encrypted assertion; empty when it ends in the same way.
    pub(super) encrypted: Option<Inside>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Inside {
    Otherwise(Refusal),
    Same {},
}

/// How a response is refused, and what would happen if it were not.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct Refusal {
    /// The `Rejection`, by its name.
    pub(super) refused: String,
    /// The failed step of the trace.
    pub(super) at: String,
    /// The rules that keep it out: the one that refuses it, then second lines that would.
    pub(super) lines: Vec<String>,
    /// Who signs in when all of those are lifted, or what refuses it even then.
    pub(super) then: String,
}

impl Invalid {
    /// Each way in which it is delivered.
    pub(super) fn deliveries(&self) -> Vec<(bool, &Refusal)> {
        let inside = self.encrypted.as_ref().map(|inside| match inside {
            Inside::Otherwise(refusal) => (true, refusal),
            Inside::Same {} => (true, &self.refusal),
        });
        [Some((false, &self.refusal)), inside].into_iter().flatten().collect()
    }
}

/// One row of the table of attacks.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Attack {
    pub(super) number: u32,
    pub(super) title: String,
    /// What happens.
    pub(super) answer: String,
    pub(super) source: String,
    /// Where it is shown, if not by a response alone.
    pub(super) elsewhere: Option<String>,
}

/// The table, in its order.
pub(super) fn attacks() -> Vec<(String, Attack)> {
    let attacks: BTreeMap<String, Attack> = read(&folder().join("attacks.toml"));
    let mut attacks: Vec<_> = attacks.into_iter().collect();
    attacks.sort_by_key(|(_, attack)| attack.number);
    attacks
}

/// The files below `kind`, by their path.
pub(super) fn files<T: DeserializeOwned>(kind: &str) -> BTreeMap<String, T> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder().join(kind)];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(inside).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder()).expect("inside").display().to_string();
                found.insert(name, read(&path));
            }
        }
    }
    found
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sp_responses")
}

fn read<T: DeserializeOwned>(path: &Path) -> T {
    let text = fs::read_to_string(path).expect("readable");
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
