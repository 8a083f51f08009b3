//! Our own keys towards providers: published, used, retired, and nobody notices.

use medict::{
    broker::{NotMoved, forecast::Level},
    domain::{
        audit::{Action, Actor},
        resource::SigningAlg,
        words::IdpId,
    },
};
use openssl::x509::X509;

use crate::world::{World, stories};

const DAY: i64 = 86_400;

/// What our metadata publishes: use and certificate, in order.
fn published(world: &World) -> Vec<(String, X509)> {
    let xml = world.broker.sp_metadata(&IdpId("corporate".into()), false);
    let xml = xml.expect("built").expect("a provider");
    let document = roxmltree::Document::parse(&xml).expect("well-formed");
    let keys = document.descendants().filter(|node| node.has_tag_name_named("KeyDescriptor"));
    let read = |node: roxmltree::Node| {
        let pem = node.descendants().find_map(|inner| {
            inner.has_tag_name_named("X509Certificate").then(|| inner.text().unwrap_or_default())
        });
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            pem.expect("a certificate")
        );
        let certificate = X509::from_pem(pem.as_bytes()).expect("a certificate");
        (node.attribute("use").unwrap_or_default().to_owned(), certificate)
    };
    keys.map(read).collect()
}

trait Named {
    fn has_tag_name_named(&self, name: &str) -> bool;
}

impl Named for roxmltree::Node<'_, '_> {
    fn has_tag_name_named(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

fn uses(world: &World) -> Vec<String> {
    published(world).into_iter().map(|(usage, _)| usage).collect()
}

/// Signs in; answers the algorithm that our request was signed with, and whether it worked.
async fn signs_in(world: &World) -> (String, bool) {
    let mut browser = world.browser();
    let url = format!("{}/login?idp=corporate&return_to=/account", world.url);
    browser.open(&url).await.expect("a page");
    let request = browser.hops().iter().find(|hop| hop.url.path() == "/saml/sso").expect("asked");
    let algorithm = request.url.query_pairs().find(|(name, _)| name == "SigAlg").expect("signed").1;
    let algorithm = algorithm.rsplit('#').next().unwrap_or_default().to_owned();
    (algorithm, browser.page().url.path() == "/account")
}

async fn encrypted_to_signs_in(world: &World, certificate: &X509) -> bool {
    let certificate = certificate.clone();
    world.saml_says(move |response| response.encrypted_for(&certificate));
    let (_, worked) = signs_in(world).await;
    world.saml_says(|response| response);
    worked
}

stories! {
    /// A new RSA key: published, waits, is used after its wait, and the old one retires by itself.
    async fn an_rsa_key_rolls_over_by_itself(world: World) {
        let old = published(&world).remove(0).1;
        assert_eq!(uses(&world), ["signing", "encryption"]);
        world.broker.rotate_saml_key(SigningAlg::RS256, Actor::Operator).await.expect("published");
        let again = world.broker.rotate_saml_key(SigningAlg::RS256, Actor::Operator).await;
        assert!(matches!(again, Err(NotMoved::OneWaits(_))), "one at a time");
        let now = published(&world);
        assert_eq!(uses(&world), ["signing", "encryption", "signing", "encryption"]);
        assert_eq!(now[0].1, old, "the old one signs");
        let new = now[2].1.clone();
        assert!(encrypted_to_signs_in(&world, &old).await);
        assert!(encrypted_to_signs_in(&world, &new).await, "who is early is served");

        world.clock.advance(7 * DAY - 60);
        world.broker.move_keys_on().await.expect("moved");
        assert_eq!(published(&world)[0].1, old, "not yet");
        world.clock.advance(60);
        world.broker.move_keys_on().await.expect("moved");
        let now = published(&world);
        assert_eq!(uses(&world), ["signing", "encryption", "signing"]);
        assert_eq!((&now[0].1, &now[2].1), (&new, &old));
        assert!(encrypted_to_signs_in(&world, &old).await, "who is late is served");
        assert!(encrypted_to_signs_in(&world, &new).await);

        world.clock.advance(30 * DAY + 1);
        world.broker.move_keys_on().await.expect("moved");
        assert_eq!(uses(&world), ["signing", "encryption"]);
        assert!(!encrypted_to_signs_in(&world, &old).await, "a retired key opens nothing");
        assert!(encrypted_to_signs_in(&world, &new).await);
    }

    /// An ECDSA key signs on somebody's word, while the RSA key goes on decrypting.
    async fn an_ecdsa_key_signs_beside_the_rsa_key(world: World) {
        let rsa = published(&world).remove(0).1;
        let kid = world.broker.rotate_saml_key(SigningAlg::ES256, Actor::Operator).await.expect("made");
        assert_eq!(uses(&world), ["signing", "encryption", "signing"]);
        assert_eq!(signs_in(&world).await, ("rsa-sha256".to_owned(), true));
        world.broker.use_saml_key(&kid, Actor::Operator).await.expect("used");
        let twice = world.broker.use_saml_key(&kid, Actor::Operator).await;
        assert!(matches!(twice, Err(NotMoved::NotWaiting(_))));
        assert_eq!(signs_in(&world).await, ("ecdsa-sha256".to_owned(), true));
        assert_eq!(uses(&world), ["signing", "encryption"], "EC signs, RSA decrypts");
        assert!(encrypted_to_signs_in(&world, &rsa).await);
        let active = world.broker.retire_saml_key(&kid, Actor::Operator).await;
        assert!(matches!(active, Err(NotMoved::NotRetirable(_))), "what is in use stays");
        let waits = world.broker.rotate_saml_key(SigningAlg::RS256, Actor::Operator).await.expect("made");
        world.broker.retire_saml_key(&waits, Actor::Operator).await.expect("taken back");
        assert_eq!(uses(&world), ["signing", "encryption"]);
    }

    /// Each end is told once for each level that it comes nearer by, by one process.
    async fn ends_are_told_once_for_each_level(world: World) {
        let told = async || {
            let newest = world.events().await;
            newest.iter().filter(|event| event.action == Action::TermNear).count()
        };
        world.broker.tell_of_ends().await.expect("told");
        assert_eq!(told().await, 0, "a year to go");
        let (second, _running) = world.second_broker().await;
        for (days, expected, level) in
            [(280, 1, Level::Season), (56, 2, Level::Month), (24, 3, Level::Week), (6, 4, Level::Over)]
        {
            world.clock.advance(days * DAY);
            let (one, other) = tokio::join!(world.broker.tell_of_ends(), second.tell_of_ends());
            one.and(other).expect("told");
            world.broker.tell_of_ends().await.expect("nothing new");
            assert_eq!(told().await, expected, "{level:?}");
            assert_eq!(world.broker.forecast().await.expect("terms")[0].level, level);
        }
    }

    /// Some providers and federations take signed metadata only.
    async fn signed_metadata_is_served_on_request(world: World) {
        let mut browser = world.browser();
        let url = format!("{}/saml/corporate/metadata", world.url);
        let plain = browser.open(&url).await.expect("metadata").text.clone();
        assert!(!plain.contains("ds:Signature "), "{plain}");
        let signed = browser.open(&format!("{url}?signed=true")).await.expect("metadata").text.clone();
        assert!(signed.contains("<ds:SignatureValue>"), "{signed}");
    }
}
