//! The inputs of an identity provider.

use serde_json::{Value, json};

use super::super::{
    document::{id_input, organization_input},
    sheet::{Choice, Group, Input, Kind},
};
use crate::{broker::Configuration, domain::resource::SigningAlg};

/// Which form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Saml,
    Oidc,
}

impl Protocol {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Saml => "saml",
            Self::Oidc => "oidc",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Saml => "SAML",
            Self::Oidc => "OpenID Connect",
        }
    }

    pub fn named(word: Option<&str>) -> Self {
        if word == Some("oidc") { Self::Oidc } else { Self::Saml }
    }
}

/// What a new provider begins with.
pub fn blank(protocol: Protocol) -> Value {
    let configuration = match protocol {
        Protocol::Saml => json!({ "signAuthnRequests": true, "clockSkewSeconds": 60 }),
        Protocol::Oidc => json!({ "scopes": ["openid", "email", "profile"] }),
    };
    json!({
        "resourceType": "IdentityProvider", "type": protocol.word(), "enabled": true,
        "configuration": configuration,
    })
}

/// The form; a new provider also chooses its id.
pub fn groups(protocol: Protocol, configuration: &Configuration, new: bool) -> Vec<Group> {
    let mut groups = vec![place(configuration, new)];
    match protocol {
        Protocol::Saml => groups.extend([
            saml_source(),
            saml_names(),
            saml_messages(),
            saml_request(),
            initiated(configuration),
            saml_concessions(),
        ]),
        Protocol::Oidc => groups.extend([oidc_client(), oidc_people()]),
    }
    groups.extend([mapping(), accounts()]);
    groups
}

fn place(configuration: &Configuration, new: bool) -> Group {
    let name = Input::text("name", "Name").required();
    let mut inputs = vec![name.hint("People see it on the sign-in page.")];
    if new {
        inputs.push(id_input(
            "Part of its addresses, and final: small letters, digits and “-”. Left empty, it is \
             made from the name.",
        ));
    }
    let organization = organization_input(configuration, "For everyone");
    inputs.push(organization.hint("Offered only to applications of this organization."));
    Group::new("Name", inputs)
}

fn saml_source() -> Group {
    let (refresh, grace) =
        (Kind::Number { min: 300, max: 604_800 }, Kind::Number { min: 0, max: 7_776_000 });
    Group::new(
        "Metadata",
        vec![
            Input::url("configuration.metadataUrl", "Metadata address")
                .hint("Fetched at the first sign-in, or when you say so after saving, and kept fresh."),
            Input::new("configuration.metadataXml", "Or metadata as XML", Kind::Document)
                .hint("Pasted, or from a file. A file replaces what stands in the field."),
            Input::flag("configuration.federation", "The address leads to a federation’s aggregate")
                .hint("Then people pick their institution, unless an entity ID is given below. It must be signed."),
            Input::new(
                "configuration.metadataCertificate",
                "Certificate of whoever signs the metadata",
                Kind::Certificates,
            )
            .hint("Metadata without a good signature of it is refused then."),
            Input::new("configuration.metadataRefreshSeconds", "Look for changes every (seconds)", refresh)
                .hint("Empty: as often as the metadata itself asks, between five minutes and a day."),
            Input::new(
                "configuration.metadataKeyGraceSeconds",
                "A key that is gone counts on for (seconds)",
                grace,
            )
            .hint("Empty: a week. A new key counts at once."),
        ],
    )
    .lead("The simplest way: the provider describes itself. Otherwise fill in the next part.")
}

fn saml_names() -> Group {
    Group::new(
        "Without metadata",
        vec![
            Input::text("configuration.entityId", "Entity ID"),
            Input::url("configuration.ssoUrl", "Sign-on URL"),
            Input::url("configuration.sloUrl", "Sign-out URL")
                .hint("Where it takes logout requests, if it does."),
            Input::new("configuration.x509Certificate", "Signing certificate", Kind::Certificates)
                .hint("PEM or base64; several PEM blocks while the provider changes its key."),
        ],
    )
    .lead("All but the sign-out URL; beside metadata, whatever is given here counts.")
}

fn saml_messages() -> Group {
    let binding = [
        ("", "As the metadata offers, redirect first"),
        ("redirect", "HTTP-Redirect"),
        ("post", "HTTP-POST"),
    ];
    let format = [
        ("unspecified", "Whatever the provider prefers"),
        ("persistent", "Persistent"),
        ("emailAddress", "E-mail address"),
        ("transient", "Transient"),
    ];
    let skew = Kind::Number { min: 0, max: 300 };
    Group::new(
        "Messages",
        vec![
            Input::one("configuration.ssoBinding", "Binding of requests", &binding),
            Input::one("configuration.nameIdFormat", "NameID format", &format)
                .hint("A transient name cannot identify a person; then map another subject."),
            Input::flag("configuration.signAuthnRequests", "Sign our requests"),
            Input::flag(
                "configuration.wantAssertionsEncrypted",
                "Accept only encrypted assertions",
            ),
            Input::new("configuration.clockSkewSeconds", "Clocks may differ by (seconds)", skew),
        ],
    )
}

fn initiated(configuration: &Configuration) -> Group {
    let policy = [
        ("bounce", "Sign in at the provider once more, properly"),
        ("consume", "Believe it, once the person has confirmed who he is"),
    ];
    let clients = configuration.clients().into_iter();
    let choices = clients.map(|c| Choice::new(c.id.as_str(), &c.resource.name)).collect();
    let clients = Kind::Several { of: Some("ClientApplication"), choices };
    Group::new(
        "Sign-ins that begin at the provider",
        vec![
            Input::flag("configuration.allowIdpInitiated", "Allowed")
                .hint("From a portal of the provider, without an application having asked."),
            Input::one("configuration.idpInitiated.policy", "What they are worth", &policy),
            Input::new("configuration.idpInitiated.clients", "May lead to", clients).hint(
                "RelayState chooses by client_id, else the first. They need a sign-in address; without \
                 any, people come to their account page.",
            ),
        ],
    )
}

fn saml_request() -> Group {
    let comparison = [
        ("exact", "One of these"),
        ("minimum", "At least as strong as one of these"),
        ("maximum", "As strong as possible, no stronger than these"),
        ("better", "Stronger than all of these"),
    ];
    let proxies = Kind::Number { min: 0, max: 10 };
    Group::new(
        "What we ask for",
        vec![
            Input::flag("configuration.forceAuthn", "Ask for a fresh sign-in each time"),
            Input::flag("configuration.isPassive", "Pass silent requests on")
                .hint("An application’s prompt=none goes to this provider as IsPassive."),
            Input::new("configuration.authnContext", "Authentication contexts", Kind::Lines)
                .hint("One AuthnContextClassRef per line, best first. Leave empty for Entra ID."),
            Input::one(
                "configuration.authnContextComparison",
                "The provider must use",
                &comparison,
            ),
            Input::text("configuration.providerName", "Our name, for the provider to show"),
            Input::new("configuration.scoping.idpList", "Providers behind it", Kind::Lines).hint(
                "Only for a provider that is a proxy: the entity IDs it may ask, one per line.",
            ),
            Input::new("configuration.scoping.proxyCount", "Proxies in between, at most", proxies),
        ],
    )
}

fn saml_concessions() -> Group {
    Group::new(
        "Concessions to an old provider",
        vec![
            Input::flag("configuration.allowSha1", "Accept SHA-1 signatures").hint(
                "Collisions of SHA-1 can be bought: whoever can choose part of what the provider \
                 signs may forge a sign-in.",
            ),
            Input::flag("configuration.allowCbc", "Accept CBC encryption").hint(
                "CBC does not notice changes to what is encrypted. It is taken only inside a signed \
                 response.",
            ),
            Input::flag("configuration.allowInclusiveC14n", "Accept Canonical XML 1.0").hint(
                "The signed form then depends on what surrounds it; some toolkits know no other.",
            ),
        ],
    )
    .lead("Each one weakens the proof. Every change is audited; every sign-in that needs one says so.")
}

fn oidc_client() -> Group {
    let methods = [
        ("client_secret_basic", "Client secret, HTTP Basic"),
        ("client_secret_post", "Client secret, in the form"),
        ("none", "None (public client with PKCE)"),
    ];
    let algorithms = SigningAlg::ALL.map(|alg| (alg.name(), alg.name()));
    Group::new(
        "Connection",
        vec![
            Input::url("configuration.issuer", "Issuer")
                .required()
                .hint("As in https://accounts.google.com; the rest is discovered."),
            Input::text("configuration.clientId", "Client ID").required(),
            Input::new("configuration.clientSecret", "Client secret", Kind::Secret)
                .hint("Kept sealed and never shown. Leave empty to keep the present one."),
            Input::new("configuration.scopes", "Scopes", Kind::Words)
                .hint("Separated by spaces; openid is always among them."),
            Input::one(
                "configuration.tokenEndpointAuthMethod",
                "Authentication at the token endpoint",
                &methods,
            ),
            Input::one(
                "configuration.idTokenSignedResponseAlg",
                "Signature of ID tokens",
                &algorithms,
            ),
        ],
    )
}

fn oidc_people() -> Group {
    Group::new(
        "Who may come",
        vec![
            Input::new("configuration.hostedDomains", "Hosted domains", Kind::Lines)
                .hint("One per line. Google only: the domains whose accounts may enter."),
            Input::flag("configuration.anyone", "Admit every account of this issuer")
                .hint("Never for a public issuer, unless the whole world is meant."),
        ],
    )
}

const EXAMPLE: &str = r#"attributes:
  email: mail
  groups: [memberOf, groups]
rules:
  - when: '"GG-Physicians" in identity.groups'
    role: { reference: Role/physician }
    organization: { reference: Organization/general-hospital }
deny:
  - 'identity.groups.size() == 0'"#;

fn mapping() -> Group {
    let presets = [
        ("none", "Common names"),
        ("adfs", "AD FS"),
        ("entra", "Entra ID"),
        ("okta", "Okta"),
        ("ping", "PingFederate, PingOne"),
        ("shibboleth", "Shibboleth, eduGAIN"),
        ("keycloak", "Keycloak"),
        ("google", "Google Workspace"),
        ("xua", "IHE XUA"),
    ];
    Group::new(
        "Mapping",
        vec![
            Input::one("mapping.preset", "Attribute names of", &presets)
                .hint("Where to look for name, e-mail address and groups."),
            Input::new("mapping", "Own attributes and rules (YAML)", Kind::Yaml).hint(
                "attributes come before those of the preset, rules give roles, deny keeps out.",
            ),
        ],
    )
    .example(EXAMPLE)
}

fn accounts() -> Group {
    let create = [
        ("", "As usual for this protocol"),
        ("true", "Everybody gets an account at the first sign-in"),
        ("invited", "Only people whose account waits for them"),
        ("false", "Nobody: only people who are linked already"),
    ];
    let link = [
        ("never", "Never by e-mail address"),
        ("verifiedEmail", "By a verified address in a domain of the organization"),
    ];
    let sync = [("everyLogin", "At every sign-in"), ("once", "At the first sign-in only")];
    Group::new(
        "Accounts",
        vec![
            Input::one("provisioning.create", "New accounts", &create).hint(
                "Usual is: SAML creates; OpenID Connect creates behind hosted domains, else invites.",
            ),
            Input::one("provisioning.link", "Link to existing accounts", &link),
            Input::one("provisioning.sync", "Take over names and addresses", &sync),
        ],
    )
}
