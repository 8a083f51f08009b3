//! Keys of an application's own: what it signs to show who it is.

use medict::{
    crypto::{Random, SigningKey},
    domain::resource::SigningAlg,
};
use serde_json::{Value, json};

use super::World;

/// A key pair of an application.
pub struct Signer {
    pub key: SigningKey,
}

impl Signer {
    pub fn new(alg: SigningAlg) -> Self {
        let key = SigningKey::generate(Random.reference(), alg).expect("a key");
        Self { key }
    }

    /// Its public half as a JWK Set.
    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.key.jwk().expect("a JWK")] })
    }

    /// The claims of a client assertion for the broker (RFC 7523 §3).
    pub fn claims(world: &World, client_id: &str) -> Value {
        let now = world.clock.now().0;
        json!({ "iss": client_id, "sub": client_id, "aud": world.url, "iat": now, "exp": now + 60,
            "jti": Random.token() })
    }

    pub fn sign(&self, typ: &str, claims: &Value) -> String {
        self.key.sign(typ, claims).expect("signed")
    }

    /// The form fields of a fresh client assertion.
    pub fn assertion(&self, world: &World, client_id: &str) -> [(&'static str, String); 2] {
        by_assertion(self.sign("JWT", &Self::claims(world, client_id)))
    }
}

/// The form fields that carry an assertion (RFC 7521 §4.2).
pub fn by_assertion(jwt: String) -> [(&'static str, String); 2] {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned();
    [("client_assertion_type", kind), ("client_assertion", jwt)]
}
