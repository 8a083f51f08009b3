//! No page leaves a person without a way on.

use reqwest::{StatusCode, header};
use serde_json::json;

use crate::world::{World, stories};

stories! {
    /// A provider that cannot be asked is one way of several.
    async fn who_cannot_reach_his_provider_chooses_another_way(world: World) {
        world.apply(vec![json!({ "resourceType": "IdentityProvider", "id": "down", "type": "saml",
            "name": "Down", "configuration": { "metadataUrl": "http://127.0.0.1:9/metadata" } })]).await;
        let shop = world.shop();
        let mut browser = world.browser();
        browser.open(&shop.authorize_url(&[])).await.expect("a chooser");
        let form = browser.form("/provider").expect("buttons").press("idp", "down");
        let page = browser.submit(form).await.expect("a page");
        assert_eq!(page.status, 502, "{}", page.text);
        browser.click("/login/").await.expect("a way back");
        let form = browser.form("/provider").expect("buttons").press("idp", "openid");
        browser.submit(form).await.expect("the way");
        shop.redeem(&shop.code(&browser)).await.expect("tokens");
    }

    /// The password page lives where a form was sent to; typing its address anew leads back.
    async fn an_address_of_forms_leads_back_to_the_choice(world: World) {
        let mut browser = world.browser();
        browser.open(&world.shop().authorize_url(&[])).await.expect("a chooser");
        let chooser = browser.page().url.clone();
        for form in ["identifier", "provider", "password"] {
            browser.open(&format!("{chooser}/{form}")).await.expect("a page");
            assert_eq!(browser.page().url, chooser, "{form}");
        }
        let odd = format!("{}/login/a%0d%0ab%22/password", world.url);
        let page = browser.open(&odd).await.expect("a page");
        assert_eq!((page.status, page.url.path()), (400, "/login/a%0d%0ab%22"), "as it was sent");
    }

    /// Whose session ended while he typed is told that nothing was saved.
    async fn a_form_that_comes_too_late_is_not_lost_silently(world: World) {
        let post = reqwest::Client::new().post(format!("{}/admin/providers", world.url));
        let answer = post.form(&[("name", "x")]).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert!(answer.text().await.expect("a page").contains("nothing was saved"));
    }

    /// Where nothing is to be seen, people are told so; programs get the bare status.
    async fn a_wrong_method_is_explained_to_people(world: World) {
        let ask = async |accept: &str| {
            let request = reqwest::Client::new().get(format!("{}/account/sign-out", world.url));
            let answer = request.header(header::ACCEPT, accept).send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(answer.headers()[header::ALLOW], "POST");
            answer.text().await.expect("a body")
        };
        assert!(ask("text/html,*/*;q=0.8").await.contains("where forms are sent"));
        assert_eq!(ask("application/json").await, "");
    }
}
