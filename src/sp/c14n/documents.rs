//! Documents out of a seed: namespaces declared, shadowed, repeated and undeclared, attributes in any order,
//! references, CDATA, comments, all kinds of white space and letters.

/// What a prefix stands for, by its place in [`PREFIXES`].
type Scope = [&'static str; 5];

const PREFIXES: [&str; 5] = ["", "a", "b", "c", "zz"];
const URIS: [&str; 5] = ["", "urn:1", "urn:2", "http://x.example/?a=1#b", AMPERSAND];
/// libxml2 forgets to escape it, see `libxml2_does_not_escape_namespaces`: one document in sixteen has it.
pub(in super::super) const AMPERSAND: &str = "urn:1&2";
const LOCALS: [&str; 6] = ["z", "y", "k", "K", "\u{e9}", "a-1"];
const OF_XML: [&str; 3] = ["xml:lang", "xml:space", "xml:base"];
const PIECES: [&str; 16] = [
    "x",
    "&lt;&amp;",
    "&#13;&#9;",
    "&quot;&apos;",
    "\n\t",
    "\r\n",
    "\r",
    "]]&gt;",
    "<![CDATA[<&>]]>",
    "<![CDATA[]]>",
    "<!-- - -->",
    "\u{e9}\u{1F600}",
    "&#x1F600;&#xE9;",
    "\u{85}\u{2028}\u{a0}\u{FFFD}",
    ">\"'",
    " ",
];
const VALUES: [&str; 9] = [
    "",
    "v",
    "a\tb\nc",
    "a\r\nb\rc",
    "&#10;&#13;&#9;&quot;&lt;",
    "'>\u{e9}&amp;",
    "&apos;&gt;&#x20;  x ",
    "\u{1F600}&#x1F600;",
    "\u{85}\u{2028}\u{a0}",
];

/// Small numbers in a fixed order (a 64-bit linear congruential generator), so that a failure repeats.
pub(in super::super) struct Dice {
    state: u64,
    uris: &'static [&'static str],
}

impl Dice {
    pub(in super::super) fn new(seed: u64) -> Self {
        let uris = if seed.is_multiple_of(16) { &URIS[..] } else { &URIS[..4] };
        Self { state: seed, uris }
    }

    pub(in super::super) fn roll(&mut self, sides: usize) -> usize {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % sides
    }

    fn pick<'t>(&mut self, list: &[&'t str]) -> &'t str {
        list[self.roll(list.len())]
    }

    /// A document of a few elements.
    pub(in super::super) fn document(&mut self) -> String {
        let declaration = ["", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"][self.roll(2)];
        format!("{declaration}{}", self.element([""; 5], 3))
    }

    fn element(&mut self, mut scope: Scope, depth: usize) -> String {
        let mut tag = String::new();
        for (index, prefix) in PREFIXES.iter().enumerate() {
            if self.roll(3) != 0 {
                continue;
            }
            scope[index] =
                if index == 0 { self.pick(self.uris) } else { self.pick(&self.uris[1..]) };
            let name = if index == 0 { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
            let space = self.pick(&[" ", "\n", "\t "]);
            tag += &format!("{space}{name}=\"{}\"", scope[index].replace('&', "&amp;"));
        }
        let from = self.roll(LOCALS.len());
        for local in LOCALS.iter().cycle().skip(from).take(self.roll(5)) {
            tag += &format!(" {}{local} = \"{}\"", self.prefix(scope), self.pick(&VALUES));
        }
        for name in OF_XML.iter().take(self.roll(4)) {
            tag += &format!(" {name}='{}'", self.pick(&VALUES).replace('\'', "&apos;"));
        }
        let name = format!("{}e", self.prefix(scope));
        match self.content(scope, depth) {
            inside if inside.is_empty() && self.roll(2) == 0 => format!("<{name}{tag} />"),
            inside => format!("<{name}{tag}>{inside}</{name}\n>"),
        }
    }

    fn prefix(&mut self, scope: Scope) -> String {
        let index = self.roll(PREFIXES.len());
        let usable = index > 0 && !scope[index].is_empty();
        if usable { format!("{}:", PREFIXES[index]) } else { String::new() }
    }

    fn content(&mut self, scope: Scope, depth: usize) -> String {
        let mut inside = String::new();
        for _ in 0..self.roll(4) {
            inside += self.pick(&PIECES);
            if depth > 0 {
                inside += &self.element(scope, depth - 1);
            }
        }
        inside
    }
}
