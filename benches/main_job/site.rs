//! A provider as an application finds it: by discovery (OIDC Discovery §4).

use medict::crypto::JwkSet;
use serde_json::Value;

use crate::{Failure, wire::Connection};

/// Where a provider's endpoints are, and what it signs with.
pub struct Site {
    pub port: u16,
    pub process: u32,
    pub issuer: String,
    /// Paths on `port`.
    pub authorization: String,
    pub token: String,
    pub userinfo: String,
    pub introspection: String,
    pub keys: JwkSet,
}

impl Site {
    pub fn discover(port: u16, process: u32) -> Result<Self, Failure> {
        let mut connection = Connection::open(port)?;
        let metadata = connection.get("/.well-known/openid-configuration", "")?.json()?;
        let path = |name: &str| path_of(&metadata, name);
        let keys = connection.get(&path("jwks_uri")?, "")?.json()?;
        Ok(Self {
            port,
            process,
            issuer: metadata["issuer"].as_str().ok_or("no issuer")?.to_owned(),
            authorization: path("authorization_endpoint")?,
            token: path("token_endpoint")?,
            userinfo: path("userinfo_endpoint")?,
            introspection: path("introspection_endpoint")?,
            keys: serde_json::from_value(keys)?,
        })
    }
}

fn path_of(metadata: &Value, name: &str) -> Result<String, Failure> {
    let url = metadata[name].as_str().ok_or_else(|| format!("no {name}"))?;
    Ok(url::Url::parse(url)?.path().to_owned())
}
