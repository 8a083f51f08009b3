//! The interactive pages of one login.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{account::csrf_of, context::Context, cookies::Names, form::Form, page, page::Page};
use crate::{
    broker::login::{Arrival, Choice, Identified, LoginError, Next, Refusal, Step},
    crypto::same,
    domain::words::{IdpId, LoginId},
    op::{Delivery, Parameters},
};

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/login").route(web::get().to(begin)))
        .service(web::resource("/login/{login}").route(web::get().to(choose)))
        .service(
            web::resource("/login/{login}/provider")
                .route(web::post().to(provider))
                .route(web::get().to(back_to_choice)),
        )
        .service(
            web::resource("/login/{login}/identifier")
                .route(web::post().to(identifier))
                .route(web::get().to(back_to_choice)),
        )
        .service(
            web::resource("/login/{login}/password")
                .route(web::post().to(password))
                .route(web::get().to(back_to_choice)),
        )
        .service(web::resource("/login/{login}/cancel").route(web::post().to(cancel)))
        .service(web::resource("/login/{login}/continue").route(web::get().to(go_on)))
        .service(
            web::resource("/login/{login}/arrival")
                .route(web::get().to(arrived))
                .route(web::post().to(agree)),
        );
}

#[derive(Template)]
#[template(path = "login/choose.html")]
struct Choose {
    choice: Choice,
    /// What was typed to find a provider.
    query: String,
    found: Vec<(IdpId, String)>,
    /// There are more than those.
    more: bool,
}

#[derive(Template)]
#[template(path = "login/password.html")]
struct Password<'a> {
    choice: Choice,
    identifier: &'a str,
    problem: Option<String>,
    reference: &'a str,
}

#[derive(Template)]
#[template(path = "login/arrival.html")]
struct Arrived<'a> {
    arrival: &'a Arrival,
    csrf: String,
}

#[derive(Template)]
#[template(path = "login/post.html")]
pub struct Posting<'a> {
    pub sentence: &'a str,
    pub action: &'a str,
    pub fields: Vec<(&'a str, &'a str)>,
    /// Opened before the form is posted.
    pub frames: &'a [String],
}

/// Where a step leads, with the cookies that it sets.
pub fn render(context: &Context, step: Step) -> HttpResponse {
    let mut response = match &step.next {
        Next::Choose(login) => page::see_other(&format!("/login/{login}")),
        Next::PickMember { login, idp } => {
            page::see_other(&format!("/login/{login}/institution?idp={idp}"))
        }
        Next::SendToIdp { url } | Next::ReturnToClient(Delivery::Redirect { url }) => {
            page::see_other(url)
        }
        Next::ReturnToClient(Delivery::Post { action, fields }) => {
            let sentence = "You are being taken back to the application.";
            let fields = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            post_away(Posting { sentence, action, fields, frames: &[] })
        }
        Next::ReturnHome { path } => page::see_other(path),
        Next::Continue { login, handle } => {
            page::see_other(&format!("/login/{login}/continue?handle={handle}"))
        }
        Next::Bounce { idp, landing } => {
            let landing = landing.as_ref().map_or("", |client| client.as_str());
            page::see_other(&format!("/login?idp={idp}&landing={landing}"))
        }
        Next::AskConsent(login) => page::see_other(&format!("/login/{login}/consent")),
        Next::Ask { login, handle } => {
            page::see_other(&format!("/login/{login}/arrival?handle={handle}"))
        }
        Next::PostToIdp { action, parameter, message, relay_state } => {
            let sentence = "You are being taken to your organization’s sign-in page.";
            post_away(Posting::of_saml(sentence, action, parameter, message, relay_state))
        }
    };
    let names = Names::of(&context.broker);
    let arrived = step.session.is_some() && context.bounced.is_some();
    let gone = arrived.then(|| names.not_bounced());
    let set =
        [step.browser.map(|v| names.browser(v)), step.session.map(|v| names.session(v)), gone];
    for cookie in set.into_iter().flatten() {
        if let Err(error) = response.add_cookie(&cookie) {
            tracing::error!(%error, "a cookie could not be set");
        }
    }
    response
}

impl<'a> Posting<'a> {
    /// A message by the HTTP POST binding (SAML Bindings §3.5.4).
    pub fn of_saml(
        sentence: &'a str,
        action: &'a str,
        parameter: &'a str,
        message: &'a str,
        relay_state: &'a str,
    ) -> Self {
        let mut fields = vec![(parameter, message), ("RelayState", relay_state)];
        fields.retain(|(_, value)| !value.is_empty());
        Self { sentence, action, fields, frames: &[] }
    }
}

/// A page that posts itself; without scripts the person presses its button.
pub fn post_away(form: Posting) -> HttpResponse {
    Page::ok().leads_away(true).with_frames(form.frames).with_script().render(&form)
}

fn answer(context: &Context, outcome: Result<Step, LoginError>) -> HttpResponse {
    match outcome {
        Ok(step) => render(context, step),
        Err(error) => page::login_failed(context, &error),
    }
}

/// `GET /login?idp=…&return_to=…`: a login to a page of ours; with `landing`, to an application that the
/// provider may lead to.
async fn begin(request: HttpRequest, context: Context) -> HttpResponse {
    let query = Parameters::parse(request.query_string().as_bytes()).unwrap_or_default();
    let idp = query.get("idp").map(IdpId::from);
    let Context { broker, caller, .. } = &context;
    let browser = context.browser();
    match (idp, query.get("landing")) {
        (Some(idp), Some(client)) => land(idp, client, &context).await,
        (idp, _) => {
            let step = broker.begin_own(query.get("return_to"), idp, browser, caller).await;
            answer(&context, step)
        }
    }
}

/// After a bounce, which the browser remembers.
async fn land(idp: IdpId, client: &str, context: &Context) -> HttpResponse {
    let Context { broker, caller, .. } = context;
    let last = context.bounced.as_deref().and_then(Names::read_bounced);
    let (step, bounced) =
        match broker.begin_landing(idp, client, last, context.browser(), caller).await {
            Ok(begun) => begun,
            Err(error) => return page::login_failed(context, &error),
        };
    let mut response = render(context, step);
    if let Err(error) = response.add_cookie(&Names::of(broker).bounced(&bounced)) {
        tracing::error!(%error, "a cookie could not be set");
    }
    response
}

/// `GET /login/{login}?q=…`: how would you like to sign in?
async fn choose(login: web::Path<String>, request: HttpRequest, context: Context) -> HttpResponse {
    let typed = Parameters::parse(request.query_string().as_bytes()).unwrap_or_default();
    let query = typed.get("q").unwrap_or_default().to_owned();
    match choices(&login, &context).await {
        Err(error) => page::login_failed(&context, &error),
        Ok(choice) => {
            let (found, more) = choice.find(&query);
            let page = Page::ok().leads_away(leads_away(&choice));
            page.render(&Choose { choice, query, found, more })
        }
    }
}

/// Where forms of the login are sent, opened by itself: from the address bar, or by a browser that was
/// started anew.
async fn back_to_choice(request: HttpRequest) -> HttpResponse {
    page::see_other(request.path().rsplit_once('/').map_or("/", |(login, _)| login))
}

async fn choices(login: &str, context: &Context) -> Result<Choice, LoginError> {
    let Context { broker, caller, .. } = context;
    broker.choices(&LoginId::from(login), context.browser(), caller).await
}

/// Whether forms may end at a provider or at an application.
fn leads_away(choice: &Choice) -> bool {
    choice.application.is_some() || !choice.providers.is_empty()
}

/// `POST /login/{login}/provider`.
async fn provider(login: web::Path<String>, context: Context, form: Form) -> HttpResponse {
    let idp = IdpId::from(form.0.get("idp").unwrap_or_default());
    let Context { broker, caller, .. } = &context;
    let id = LoginId(login.clone());
    match broker.choose_provider(&id, &idp, context.browser(), caller).await {
        Ok(step) => render(&context, step),
        Err(error) => page::way_failed(&context, &login, &error),
    }
}

/// `POST /login/{login}/identifier`: an address leads to its organization, or to a password.
async fn identifier(login: web::Path<String>, context: Context, form: Form) -> HttpResponse {
    let identifier = form.0.get("identifier").unwrap_or_default();
    let Context { broker, caller, .. } = &context;
    let id = LoginId(login.clone());
    // Whoever has a password of ours may have an address of an organization all the same.
    if form.0.get("way") == Some("password") {
        return ask_password(&login, identifier, None, &context).await;
    }
    match broker.identify(&id, identifier, context.browser(), caller).await {
        Ok(Identified::Away(step)) => render(&context, step),
        Ok(Identified::AskPassword) => ask_password(&login, identifier, None, &context).await,
        Err(error) => page::way_failed(&context, &login, &error),
    }
}

async fn ask_password(
    login: &str,
    identifier: &str,
    refusal: Option<&Refusal>,
    context: &Context,
) -> HttpResponse {
    let choice = match choices(login, context).await {
        Ok(choice) => choice,
        Err(error) => return page::login_failed(context, &error),
    };
    let problem = refusal.map(|refusal| match refusal {
        Refusal::Throttled(seconds) => {
            format!("Too many attempts. Please wait {seconds} seconds and try again.")
        }
        _ => "Username or password is not right.".to_owned(),
    });
    let page = refusal.map_or(Page::ok(), |refusal| Page::status(page::status_of(refusal)));
    let reference = context.caller.reference.as_str();
    page.leads_away(leads_away(&choice)).render(&Password {
        choice,
        identifier,
        problem,
        reference,
    })
}

/// `POST /login/{login}/password`.
async fn password(login: web::Path<String>, context: Context, form: Form) -> HttpResponse {
    let identifier = form.0.get("identifier").unwrap_or_default();
    let password = form.0.get("password").unwrap_or_default().to_owned();
    let Context { broker, caller, .. } = &context;
    let id = LoginId(login.clone());
    let (browser, session) = (context.browser(), context.session());
    let signed =
        broker.sign_in_with_password(&id, identifier, password, browser, session, caller).await;
    match signed {
        Err(LoginError::Refused(
            refusal @ (Refusal::WrongPassword | Refusal::Throttled(_) | Refusal::Inactive),
        )) => ask_password(&login, identifier, Some(&refusal), &context).await,
        other => answer(&context, other),
    }
}

/// `POST /login/{login}/cancel`: back to the application, not signed in.
async fn cancel(login: web::Path<String>, context: Context, _form: Form) -> HttpResponse {
    let Context { broker, caller, .. } = &context;
    let login = LoginId(login.into_inner());
    answer(&context, broker.give_up(&login, context.browser(), caller).await)
}

/// `GET /login/{login}/continue`: the provider's answer is proven; here the cookie proves the browser.
async fn go_on(login: web::Path<String>, request: HttpRequest, context: Context) -> HttpResponse {
    let query = Parameters::parse(request.query_string().as_bytes()).unwrap_or_default();
    let handle = query.get("handle").unwrap_or_default();
    let Context { broker, caller, .. } = &context;
    let login = LoginId(login.into_inner());
    let (browser, session) = (context.browser(), context.session());
    answer(&context, broker.continue_login(&login, handle, browser, session, caller).await)
}

/// `GET /login/{login}/arrival`: a provider sent somebody here; is this him?
async fn arrived(login: web::Path<String>, request: HttpRequest, context: Context) -> HttpResponse {
    let query = Parameters::parse(request.query_string().as_bytes()).unwrap_or_default();
    let handle = query.get("handle").unwrap_or_default();
    let Context { broker, caller, .. } = &context;
    let arrival = match broker.arrival(&LoginId(login.into_inner()), handle, caller).await {
        Ok(arrival) => arrival,
        Err(error) => return page::login_failed(&context, &error),
    };
    let (cookie, csrf) = (arrival.cookie.clone(), csrf_of(&arrival.cookie));
    let page = Page::ok().leads_away(arrival.application.is_some());
    let mut response = page.render(&Arrived { arrival: &arrival, csrf });
    if let Err(error) = response.add_cookie(&Names::of(broker).arrival(cookie)) {
        tracing::error!(%error, "a cookie could not be set");
    }
    response
}

/// `POST /login/{login}/arrival`: the person agrees, or does not. Both count only from that page, in the
/// browser that it was shown in.
async fn agree(login: web::Path<String>, context: Context, form: Form) -> HttpResponse {
    let Context { broker, caller, .. } = &context;
    let own = |cookie: &&str| form.0.get("csrf").is_some_and(|csrf| same(csrf, csrf_of(cookie)));
    let cookie = context.arrival.as_deref().filter(own);
    let login = LoginId(login.into_inner());
    if form.0.get("answer") == Some("yes") {
        return answer(&context, broker.agree(&login, cookie, context.session(), caller).await);
    }
    answer(&context, broker.give_up(&login, cookie, caller).await)
}
