//! Policy files: a mistake names a line there is, and what is taken is what `--print-policy` writes and reads again.

use sandbox_core::policy::Policy;
use sandbox_core::setting::{merged, value::Given};
use sandbox_launcher::policy_file::{parse, spell};
use toml::de::DeTable;

use crate::words::is_a_line;

pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // It would read whatever file is named.
    if DeTable::parse(text).is_ok_and(|table| table.get_ref().contains_key("file-from")) {
        return;
    }
    let said = match parse(text) {
        Ok(said) => said,
        Err(mistake) => {
            is_a_line(&mistake.what);
            assert!((1..=text.split('\n').count()).contains(&mistake.line), "line {}: {}", mistake.line, mistake.what);
            return;
        }
    };
    let policy = Policy::merge(&said).expect("each of them was checked");
    let mut written = String::new();
    for (setting, given) in merged(&said).unwrap() {
        let value = spell(setting, &given).expect("it came from UTF-8");
        written.push_str(&format!("{} = {value}\n", setting.name));
        // A setting is lost neither whole nor in part.
        let Given::Many { elements, .. } = &given else { continue };
        assert!(!elements.is_empty(), "{}", setting.name);
    }
    let again = parse(&written).unwrap_or_else(|mistake| panic!("line {}: {}\n{written}", mistake.line, mistake.what));
    assert_eq!(Policy::merge(&again).unwrap(), policy, "{written}");
}
