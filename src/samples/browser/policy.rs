//! `form-action` (CSP Level 3 §6.4.1): where the forms of a page may lead, redirects included.

use url::Url;

/// The policy of one page about its forms.
#[derive(Clone, Debug)]
pub(super) struct FormPolicy {
    page: Url,
    sources: Vec<String>,
}

impl FormPolicy {
    /// The policy in a `Content-Security-Policy` header, if it speaks of forms.
    pub(super) fn read(header: &str, page: &Url) -> Option<Self> {
        let directives = header.split(';').map(str::trim);
        let mut own = directives.filter_map(|directive| directive.strip_prefix("form-action"));
        let sources = own.next()?.split_ascii_whitespace().map(str::to_owned).collect();
        Some(Self { page: page.clone(), sources })
    }

    pub(super) const fn page(&self) -> &Url {
        &self.page
    }

    pub(super) fn allows(&self, target: &Url) -> bool {
        let target_origin = target.origin();
        self.sources.iter().any(|source| match source.as_str() {
            "*" => true,
            "'self'" => self.page.origin() == target_origin,
            scheme if scheme.ends_with(':') => scheme.trim_end_matches(':') == target.scheme(),
            origin => Url::parse(origin).is_ok_and(|origin| origin.origin() == target_origin),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_lead_only_where_the_page_says() {
        let page = Url::parse("http://localhost:8080/login").expect("url");
        for (sources, target, allowed) in [
            ("'self'", "http://localhost:8080/x", true),
            ("'self'", "http://127.0.0.1:8080/x", false),
            ("'none'", "http://localhost:8080/x", false),
            ("", "http://localhost:8080/x", false),
            ("'self' http://127.0.0.1:9000", "http://127.0.0.1:9000/sso", true),
            ("'self' http://127.0.0.1:9000", "http://127.0.0.1:9001/sso", false),
            ("https:", "https://any.example/", true),
            ("https:", "http://any.example/", false),
        ] {
            let header = format!("default-src 'none'; form-action {sources}; base-uri 'none'");
            let policy = FormPolicy::read(&header, &page).expect("speaks of forms");
            assert_eq!(policy.allows(&Url::parse(target).expect("url")), allowed, "{sources}");
        }
        assert!(FormPolicy::read("default-src 'none'", &page).is_none());
    }
}
