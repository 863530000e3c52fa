//! One line of JSON, written as it is built. A library for it would ride in every target.

/// An object or array under construction.
pub struct Json(String);

impl Json {
    /// An object holding one string: every line begins with what it is about.
    pub fn event(name: &str) -> Self {
        let mut json = Self("{".into());
        json.string("event", name);
        json
    }

    fn key(&mut self, key: &str) {
        if !self.0.ends_with(['{', '[']) {
            self.0.push(',');
        }
        quote(key, &mut self.0);
        self.0.push(':');
    }

    /// A member that is a string.
    pub fn string(&mut self, key: &str, value: &str) {
        self.key(key);
        quote(value, &mut self.0);
    }

    /// A member that is a number or a boolean.
    pub fn plain(&mut self, key: &str, value: impl ToString) {
        self.key(key);
        self.0.push_str(&value.to_string());
    }

    /// A member that is an object.
    pub fn object(&mut self, key: &str, fill: impl FnOnce(&mut Self)) {
        self.key(key);
        self.0.push('{');
        fill(self);
        self.0.push('}');
    }

    /// A member that is an array of plain values.
    pub fn numbers(&mut self, key: &str, values: impl Iterator<Item = u64>) {
        self.key(key);
        let values: Vec<_> = values.map(|value| value.to_string()).collect();
        self.0.push_str(&format!("[{}]", values.join(",")));
    }

    /// A member that is an array of strings.
    pub fn strings(&mut self, key: &str, values: &[&str]) {
        self.key(key);
        self.0.push('[');
        for value in values {
            if !self.0.ends_with('[') {
                self.0.push(',');
            }
            quote(value, &mut self.0);
        }
        self.0.push(']');
    }

    /// A member that is an array of objects.
    pub fn objects<T>(&mut self, key: &str, items: impl Iterator<Item = T>, mut fill: impl FnMut(&mut Self, T)) {
        self.key(key);
        self.0.push('[');
        for item in items {
            if !self.0.ends_with('[') {
                self.0.push(',');
            }
            self.0.push('{');
            fill(self, item);
            self.0.push('}');
        }
        self.0.push(']');
    }

    /// The line.
    pub fn line(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }
}

/// RFC 8259 section 7.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nests_and_escapes() {
        let mut json = Json::event("e\"\\\n");
        json.object("o", |o| o.plain("n", 1));
        json.numbers("a", [1, 2].into_iter());
        json.strings("s", &["x", "["]);
        json.objects("l", ["x", "y"].into_iter(), |o, v| o.string("v", v));
        json.plain("b", true);
        let expected = "{\"event\":\"e\\\"\\\\\\u000a\",\"o\":{\"n\":1},\"a\":[1,2],\"s\":[\"x\",\"[\"],\"l\":[{\"v\":\"x\"},{\"v\":\"y\"}],\"b\":true}\n";
        assert_eq!(json.line(), expected);
    }
}
