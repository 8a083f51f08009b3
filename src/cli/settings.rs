//! Settings: a file, overridden by the environment, overridden by flags.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer};
use toml::{Table, Value};

use super::Failure;
use crate::{
    broker::{self, SamlKeys, Sessions, outbound::AllowPrivate, outbound::OutboundSettings},
    domain::resource::check_url,
    http::TlsFiles,
    store::Database,
};

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default = "default_public_url")]
    pub public_url: String,
    #[serde(default = "default_listen")]
    pub listen: String,
    #[serde(default)]
    pub database_url: Option<String>,
    #[serde(default = "default_data_dir")]
    pub data_dir: PathBuf,
    #[serde(default)]
    pub master_key_file: Option<PathBuf>,
    /// Only from the environment: a key in the settings file would lie beside the data.
    #[serde(default)]
    pub master_key: Option<String>,
    #[serde(default)]
    pub tls: Tls,
    #[serde(default, deserialize_with = "networks")]
    pub trusted_proxies: Vec<ipnet::IpNet>,
    #[serde(default)]
    pub outbound: Outbound,
    #[serde(default)]
    pub sessions: SessionLimits,
    /// Where mails go out; nothing sends any yet.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "accepted, so that one settings file fits this version and the next"
    )]
    pub mail: Mail,
    #[serde(default)]
    pub tokens: Tokens,
    #[serde(default)]
    pub keys: Keys,
    #[serde(default)]
    pub traces: Traces,
    #[serde(default)]
    pub log: Log,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outbound {
    #[serde(default, deserialize_with = "allow_private")]
    allow_private: AllowPrivate,
    ca_file: Option<PathBuf>,
    proxy: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionLimits {
    idle_seconds: i64,
    absolute_seconds: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "accepted, so that one settings file fits this version and the next")]
pub struct Mail {
    smtp_url: Option<String>,
    from: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    refresh_grace_seconds: i64,
    offline_idle_seconds: i64,
    offline_absolute_seconds: i64,
}

/// The pace of a roll-over of our SAML keys.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    saml_wait_seconds: i64,
    saml_retire_seconds: i64,
}

impl Default for Keys {
    fn default() -> Self {
        let SamlKeys { wait, retire } = SamlKeys::default();
        Self { saml_wait_seconds: wait, saml_retire_seconds: retire }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traces {
    /// Keep values about people in traces, for finding a fault.
    #[serde(default)]
    capture: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Pretty,
    Json,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { idle_seconds: 3_600, absolute_seconds: 43_200 }
    }
}

impl Default for Tokens {
    fn default() -> Self {
        let broker::Tokens { refresh_grace, offline_idle, offline_absolute } = Default::default();
        Self {
            refresh_grace_seconds: refresh_grace,
            offline_idle_seconds: offline_idle,
            offline_absolute_seconds: offline_absolute,
        }
    }
}

fn default_public_url() -> String {
    "http://localhost:8080".to_owned()
}

fn default_listen() -> String {
    "127.0.0.1:8080".to_owned()
}

fn default_data_dir() -> PathBuf {
    "medict-data".into()
}

/// How the text of an environment variable becomes a value.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Truth,
    /// A truth, or a list of networks with commas between.
    TruthOrList,
    List,
}

/// Every setting, as the environment names it after `MEDICT_`.
const KNOWN: [(&str, Kind); 22] = [
    ("PUBLIC_URL", Kind::Text),
    ("LISTEN", Kind::Text),
    ("DATABASE_URL", Kind::Text),
    ("DATA_DIR", Kind::Text),
    ("MASTER_KEY_FILE", Kind::Text),
    ("MASTER_KEY", Kind::Text),
    ("TLS__CERTIFICATE", Kind::Text),
    ("TLS__KEY", Kind::Text),
    ("TRUSTED_PROXIES", Kind::List),
    ("OUTBOUND__ALLOW_PRIVATE", Kind::TruthOrList),
    ("OUTBOUND__CA_FILE", Kind::Text),
    ("OUTBOUND__PROXY", Kind::Text),
    ("SESSIONS__IDLE_SECONDS", Kind::Number),
    ("SESSIONS__ABSOLUTE_SECONDS", Kind::Number),
    ("MAIL__SMTP_URL", Kind::Text),
    ("MAIL__FROM", Kind::Text),
    ("TOKENS__REFRESH_GRACE_SECONDS", Kind::Number),
    ("TOKENS__OFFLINE_IDLE_SECONDS", Kind::Number),
    ("TOKENS__OFFLINE_ABSOLUTE_SECONDS", Kind::Number),
    ("TRACES__CAPTURE", Kind::Truth),
    ("LOG__FORMAT", Kind::Text),
    ("CONFIG", Kind::Text),
];

impl Settings {
    /// Reads the file (`medict.toml` beside us, if none is named) and the environment.
    ///
    /// # Errors
    /// A paragraph that names the setting and what is wrong with it.
    pub fn read(file: Option<&Path>) -> Result<Self, Failure> {
        let mut table = read_file(file)?;
        if table.contains_key("master_key") {
            return Err("master_key does not belong into the settings file, beside the data that \
                        it protects; use master_key_file, or MEDICT_MASTER_KEY"
                .into());
        }
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.to_str()?.strip_prefix("MEDICT_")?.to_owned();
            Some((name, value.to_string_lossy().into_owned()))
        });
        for (name, value) in variables {
            override_by(&mut table, &name, &value)?;
        }
        Self::from_table(table)
    }

    fn from_table(table: Table) -> Result<Self, Failure> {
        let read: Result<Self, _> = serde_path_to_error::deserialize(Value::Table(table));
        let settings = read.map_err(|error| {
            let path = error.path().to_string();
            format!("the setting `{path}` cannot be used: {}", error.into_inner().message())
        })?;
        settings.check()
    }

    /// What one value alone does not show.
    ///
    /// # Errors
    /// A sentence that names the setting and what it should be.
    pub fn check(mut self) -> Result<Self, Failure> {
        let trimmed = self.public_url.trim_end_matches('/').to_owned();
        let url = check_url("public_url", &trimmed)
            .map_err(|invalid| format!("{invalid}; http is for loopback hosts only"))?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("public_url: is a scheme, a host and a port, without a path".into());
        }
        self.public_url = trimmed;
        let Tokens { refresh_grace_seconds, offline_idle_seconds, offline_absolute_seconds } =
            self.tokens;
        for (name, seconds, least, most) in [
            ("sessions.idle_seconds", self.sessions.idle_seconds, 60, 604_800),
            ("sessions.absolute_seconds", self.sessions.absolute_seconds, 60, 604_800),
            ("tokens.refresh_grace_seconds", refresh_grace_seconds, 0, 60),
            ("tokens.offline_idle_seconds", offline_idle_seconds, 3_600, 31_536_000),
            ("tokens.offline_absolute_seconds", offline_absolute_seconds, 3_600, 31_536_000),
        ] {
            if !(least..=most).contains(&seconds) {
                return Err(format!("{name}: is {least} to {most} seconds").into());
            }
        }
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            return Err("tls.certificate and tls.key: give both, or none".into());
        }
        self.database()?;
        Ok(self)
    }

    /// Which database; SQLite in the data directory unless set.
    ///
    /// # Errors
    /// When `database_url` is of neither kind.
    pub fn database(&self) -> Result<Database, Failure> {
        match &self.database_url {
            None => Ok(Database::Sqlite(self.data_dir.join("medict.db"))),
            Some(url) => match Database::parse(url) {
                Some(Database::Sqlite(path)) if path.is_relative() => {
                    Ok(Database::Sqlite(self.data_dir.join(path)))
                }
                Some(database) => Ok(database),
                None => Err("database_url: begins with sqlite:// or postgres://".into()),
            },
        }
    }

    /// What the broker needs of it.
    #[must_use]
    pub fn broker(&self) -> broker::Settings {
        broker::Settings {
            public_url: self.public_url.clone(),
            sessions: Sessions {
                idle: self.sessions.idle_seconds,
                absolute: self.sessions.absolute_seconds,
            },
            tokens: broker::Tokens {
                refresh_grace: self.tokens.refresh_grace_seconds,
                offline_idle: self.tokens.offline_idle_seconds,
                offline_absolute: self.tokens.offline_absolute_seconds,
            },
            outbound: OutboundSettings {
                allow_private: self.outbound.allow_private.clone(),
                ca_file: self.outbound.ca_file.clone(),
                proxy: self.outbound.proxy.clone(),
                ..OutboundSettings::default()
            },
            saml_keys: SamlKeys {
                wait: self.keys.saml_wait_seconds,
                retire: self.keys.saml_retire_seconds,
            },
            spool: self.data_dir.clone(),
            capture: self.traces.capture,
        }
    }

    #[must_use]
    pub fn tls_files(&self) -> Option<TlsFiles> {
        let Tls { certificate, key } = self.tls.clone();
        certificate.zip(key).map(|(certificate, key)| TlsFiles { certificate, key })
    }

    /// One line per event to standard error; `RUST_LOG` narrows or widens.
    pub fn start_logging(&self) {
        let terminal = std::io::stderr().is_terminal();
        let json = self.log.format.map_or(!terminal, |format| format == Format::Json);
        let filter = tracing_subscriber::EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
        let builder =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        if json {
            builder.json().flatten_event(true).init();
        } else {
            builder.with_target(false).with_ansi(terminal).init();
        }
    }
}

fn read_file(file: Option<&Path>) -> Result<Table, Failure> {
    let path = file.unwrap_or_else(|| Path::new("medict.toml"));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Table::new());
        }
        Err(error) => {
            return Err(format!("the settings file {}: {error}", path.display()).into());
        }
    };
    let parsed: Result<Table, toml::de::Error> = text.parse();
    parsed.map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        format!("the settings file {}, line {line}: {}", path.display(), error.message()).into()
    })
}

/// Puts one variable into the table; one that we do not know is a warning, not an error.
fn override_by(table: &mut Table, name: &str, text: &str) -> Result<(), Failure> {
    let Some((_, kind)) = KNOWN.iter().find(|(known, _)| *known == name) else {
        eprintln!("medict: warning: MEDICT_{name} is no setting");
        return Ok(());
    };
    if name == "CONFIG" {
        return Ok(());
    }
    let value =
        kind.read(text).ok_or_else(|| format!("MEDICT_{name} cannot be read as a value"))?;
    let path = name.to_lowercase();
    match path.split_once("__") {
        None => drop(table.insert(path, value)),
        Some((section, key)) => {
            let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Some(section) = section.as_table_mut() {
                section.insert(key.to_owned(), value);
            }
        }
    }
    Ok(())
}

impl Kind {
    fn read(self, text: &str) -> Option<Value> {
        let list = || {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
        };
        match self {
            Self::Text => Some(Value::String(text.to_owned())),
            Self::Number => text.parse().ok().map(Value::Integer),
            Self::Truth => text.parse().ok().map(Value::Boolean),
            Self::TruthOrList => Some(text.parse().map_or_else(|_| list(), Value::Boolean)),
            Self::List => Some(list()),
        }
    }
}

/// `10.0.0.0/8`, or one address.
fn network(text: &str) -> Option<ipnet::IpNet> {
    text.parse().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(ipnet::IpNet::from))
}

fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ipnet::IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let read = |text: &String| {
        network(text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no address or network")))
    };
    texts.iter().map(read).collect()
}

fn allow_private<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AllowPrivate, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Boolean(true) => Ok(AllowPrivate::Everything),
        Value::Boolean(false) => Ok(AllowPrivate::Nothing),
        list => networks(list).map(AllowPrivate::Networks).map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        let table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        Settings::from_table(table).map_err(|failure| failure.to_string())
    }

    #[test]
    fn mistakes_name_the_setting() {
        for (text, named) in [
            ("pulic_url = 'x'", "pulic_url"),
            ("[outbound]\nallow_privat = true", "outbound"),
            ("public_url = 'http://sso.example'", "public_url"),
            ("public_url = 'https://sso.example/path'", "public_url"),
            ("trusted_proxies = ['ten']", "trusted_proxies"),
            ("database_url = 'mysql://x'", "database_url"),
            ("[sessions]\nidle_seconds = 0", "sessions.idle_seconds"),
            ("[tokens]\nrefresh_grace_seconds = 61", "tokens.refresh_grace_seconds"),
            ("[tls]\nkey = 'x'", "tls.certificate"),
            ("[log]\nformat = 'xml'", "log.format"),
        ] {
            let failure = read(text).expect_err(text);
            assert!(failure.contains(named), "{text}: {failure}");
        }
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let mut table: Table =
            "listen = '127.0.0.1:1'\n[sessions]\nidle_seconds = 60".parse().expect("toml");
        for (name, value) in [
            ("LISTEN", "127.0.0.1:2"),
            ("SESSIONS__IDLE_SECONDS", "120"),
            ("OUTBOUND__ALLOW_PRIVATE", "10.0.0.0/8, 192.168.1.1"),
        ] {
            override_by(&mut table, name, value).expect("known");
        }
        let settings = Settings::from_table(table).expect("valid");
        assert_eq!(settings.listen, "127.0.0.1:2");
        assert_eq!(settings.sessions.idle_seconds, 120);
        let AllowPrivate::Networks(networks) = settings.outbound.allow_private else {
            panic!("networks")
        };
        assert_eq!(networks.len(), 2);
        assert!(override_by(&mut Table::new(), "SESSIONS__IDLE_SECONDS", "soon").is_err());
    }
}
