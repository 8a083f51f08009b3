//! Lists that grow: looked through by name, and shown page by page.

use url::form_urlencoded::Serializer;

use crate::{domain::collation, op::Parameters};

/// So many rows are on a page.
const PAGE: usize = 50;

/// What is shown of a list, and where its neighbouring pages are.
pub struct Pages {
    /// What was typed to find something.
    pub text: String,
    /// The addresses of the pages before and after.
    pub previous: Option<String>,
    pub next: Option<String>,
}

impl Pages {
    /// The page that the query (`q`, `from`) asks for of the list at `path`; what has the words typed in its
    /// texts is found.
    pub fn cut<T>(
        mut all: Vec<T>,
        query: &Parameters,
        path: &str,
        texts: impl Fn(&T) -> String,
    ) -> (Vec<T>, Self) {
        let text = query.get("q").unwrap_or_default().trim().to_owned();
        if !text.is_empty() {
            all.retain(|one| collation::holds(&texts(one), &text));
        }
        let from: usize = query.get("from").and_then(|from| from.parse().ok()).unwrap_or_default();
        let from = from.min(all.len());
        let address = |from: usize| {
            let mut query = Serializer::new(String::new());
            query.extend_pairs((!text.is_empty()).then_some(("q", text.as_str())));
            query.append_pair("from", &from.to_string());
            format!("{path}?{}", query.finish())
        };
        let previous = (from > 0).then(|| address(from.saturating_sub(PAGE)));
        let next = (all.len() - from > PAGE).then(|| address(from + PAGE));
        let shown = all.into_iter().skip(from).take(PAGE).collect();
        (shown, Self { text, previous, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_cut_into_pages() {
        let names: Vec<_> = (1..=120).map(|number| format!("Ward {number}")).collect();
        for (query, first, shown, previous, next) in [
            ("", Some("Ward 1"), 50, None, Some("/x?from=50")),
            ("from=50", Some("Ward 51"), 50, Some("/x?from=0"), Some("/x?from=100")),
            ("from=100", Some("Ward 101"), 20, Some("/x?from=50"), None),
            ("from=20", Some("Ward 21"), 50, Some("/x?from=0"), Some("/x?from=70")),
            ("from=999", None, 0, Some("/x?from=70"), None),
            ("from=-1&q=wArd+11", Some("Ward 11"), 11, None, None),
            ("q=%26z&from=1", None, 0, None, None),
            (
                "q=ward&from=50",
                Some("Ward 51"),
                50,
                Some("/x?q=ward&from=0"),
                Some("/x?q=ward&from=100"),
            ),
        ] {
            let query = Parameters::parse(query.as_bytes()).expect("a query");
            let (rows, pages) = Pages::cut(names.clone(), &query, "/x", String::clone);
            let found = (rows.first().map(String::as_str), rows.len());
            assert_eq!(found, (first, shown), "{query:?}");
            assert_eq!((pages.previous.as_deref(), pages.next.as_deref()), (previous, next));
        }
    }
}
