//! A line of an id map.

use super::number;
use crate::setting::text;
use crate::setting::value::Text;

/// `count` ids of the user namespace, from `inside` on, that are those of the namespace around it from `outside` on,
/// user_namespaces(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdRange {
    pub inside: u32,
    pub outside: u32,
    pub count: u32,
}

impl IdRange {
    /// What `id` outside is called inside.
    pub fn into_inside(&self, id: u32) -> Option<u32> {
        let at = id.checked_sub(self.outside)?;
        (at < self.count).then_some(self.inside + at)
    }

    /// Whether it maps `id` inside.
    pub fn has_inside(&self, id: u32) -> bool {
        id.checked_sub(self.inside).is_some_and(|at| at < self.count)
    }

    /// The last of the ids outside.
    pub fn last_outside(&self) -> u32 {
        self.outside + (self.count - 1)
    }

    /// As a setting spells it.
    pub fn spelled(&self) -> String {
        match self.count {
            1 => format!("{}:{}", self.inside, self.outside),
            count => format!("{}:{}:{count}", self.inside, self.outside),
        }
    }
}

impl Text for IdRange {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let expected = "expected IN:OUT or IN:OUT:COUNT, numbers all";
        let fields = text::split(text, b':').into_iter().map(|field| number::<u32>(field, ""));
        let (inside, outside, count) = match fields.collect::<Result<Vec<_>, _>>().map_err(|_| expected)?[..] {
            [inside, outside] => (inside, outside, 1),
            [inside, outside, count] => (inside, outside, count),
            _ => return Err(expected.into()),
        };
        if count == 0 {
            return Err("a range of no ids".into());
        }
        // The highest value means "none" to the kernel, which refuses a range that reaches it.
        for (first, place) in [(inside, "inside"), (outside, "outside")] {
            if first.checked_add(count).is_none() {
                return Err(format!("the ids {place} end above 4294967294"));
            }
        }
        Ok(Self { inside, outside, count })
    }
    fn show(&self) -> Vec<u8> {
        self.spelled().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_two_or_three_numbers_and_stays_below_the_last_id() {
        assert_eq!(IdRange::parse(b"0:1000"), Ok(IdRange { inside: 0, outside: 1000, count: 1 }));
        for good in ["0:0:4294967295", "4294967294:4294967294", "1:100000:65536"] {
            assert_eq!(IdRange::parse(good.as_bytes()).unwrap().show(), good.as_bytes());
        }
        for bad in [
            "",
            "0",
            "0:",
            "0:1:",
            "0:1:0",
            "0:1:2:3",
            "-1:0",
            "a:b",
            "0:root",
            "4294967295:0",
            "0:4294967295",
            "1:0:4294967295",
            "0:1:4294967295",
            "0:4294967296",
            " 0:1",
            "0:1,2",
        ] {
            assert!(IdRange::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_are_found_from_both_sides() {
        let range = IdRange { inside: 10, outside: 100, count: 5 };
        assert_eq!((range.into_inside(99), range.into_inside(100), range.into_inside(104)), (None, Some(10), Some(14)));
        assert_eq!(range.into_inside(105), None);
        assert!(range.has_inside(10) && range.has_inside(14) && !range.has_inside(15) && !range.has_inside(9));
        assert_eq!(range.last_outside(), 104);
    }
}
