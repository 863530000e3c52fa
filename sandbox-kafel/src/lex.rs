//! Words, numbers and signs of a Kafel text. Comments and blanks end here.

use winnow::Parser;
use winnow::ascii::{hex_digit1, multispace1, till_line_ending};
use winnow::combinator::{alt, delimited, opt, repeat};
use winnow::error::{EmptyError, ParserError};
use winnow::stream::{Location, Stream};
use winnow::token::{one_of, take_till, take_until, take_while};
use winnow::{LocatingSlice, Result};

use crate::source::{Mistake, Source};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'s> {
    Word(&'s str),
    Number(u64),
    /// Between double quotes.
    Text(&'s str),
    Sign(&'static str),
    /// The end of a line within `#include`, which it ends.
    Newline,
}

/// A token and the byte at which it begins.
pub type Placed<'s> = (Token<'s>, usize);

/// The longest first: `<=` is not `<` and `=`.
const SIGNS: [&str; 20] =
    ["||", "&&", "==", "!=", "<=", ">=", "<", ">", "|", "&", "!", "(", ")", "{", "}", "[", "]", ",", "#", ";"];

type Input<'s> = LocatingSlice<&'s str>;

/// All tokens.
///
/// # Errors
/// A character that begins no token, a number that is none, a comment without an end.
pub fn lex(source: &Source) -> std::result::Result<Vec<Placed<'_>>, Mistake> {
    let mut input = Input::new(source.text.as_str());
    let mut tokens: Vec<Placed> = Vec::new();
    let mut in_include = false;
    loop {
        let start = input.current_token_start();
        let before = input.checkpoint();
        let blanks = blank(&mut input);
        if blanks.is_err() {
            input.reset(&before);
        }
        if let Ok(blanks) = blanks {
            if in_include && blanks.contains('\n') {
                tokens.push((Token::Newline, start));
                in_include = false;
            }
            continue;
        }
        if input.is_empty() {
            return Ok(tokens);
        }
        if input.starts_with("/*") {
            return Err(source.mistake(start, "this comment does not end"));
        }
        let token = token(&mut input).map_err(|_| unexpected(source, start))?;
        let token = match token {
            Raw::Number(text) => {
                Token::Number(number(text).map_err(|why| source.mistake(start, format!("{text}: {why}")))?)
            }
            Raw::Token(token) => token,
        };
        in_include |= token == Token::Word("include") && matches!(tokens.last(), Some((Token::Sign("#"), _)));
        in_include &= token != Token::Sign(";");
        tokens.push((token, start));
    }
}

enum Raw<'s> {
    Token(Token<'s>),
    Number(&'s str),
}

fn blank<'s>(input: &mut Input<'s>) -> Result<&'s str, EmptyError> {
    let line = ("//", till_line_ending).take();
    let block = ("/*", take_until(0.., "*/"), "*/").take();
    repeat::<_, _, (), _, _>(1.., alt((multispace1, line, block))).take().parse_next(input)
}

fn token<'s>(input: &mut Input<'s>) -> Result<Raw<'s>, EmptyError> {
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
    let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let word = (one_of(begins), take_while(0.., goes_on)).take().map(|word| Raw::Token(Token::Word(word)));
    let number = (opt('-'), one_of(|c: char| c.is_ascii_digit()), take_while(0.., goes_on)).take().map(Raw::Number);
    let text = delimited('"', take_till(1.., ['"', '\n']), '"').map(|text| Raw::Token(Token::Text(text)));
    alt((word, number, text, sign)).parse_next(input)
}

fn sign<'s>(input: &mut Input<'s>) -> Result<Raw<'s>, EmptyError> {
    let sign = SIGNS.into_iter().find(|sign| input.starts_with(sign));
    let sign = sign.ok_or_else(|| EmptyError::from_input(input))?;
    input.next_slice(sign.len());
    Ok(Raw::Token(Token::Sign(sign)))
}

/// A number as Kafel writes it: decimal, perhaps negative (of 64 bits, in two's complement), hexadecimal, octal, binary.
fn number(text: &str) -> std::result::Result<u64, &'static str> {
    let large = "larger than 64 bits";
    let radix = |digits: &str, radix, expected| {
        let digits =
            (!digits.is_empty() && digits.chars().all(|c| c.is_digit(radix))).then_some(digits).ok_or(expected)?;
        u64::from_str_radix(digits, radix).map_err(|_| large)
    };
    if let Some(hex) = text.strip_prefix("0x") {
        hex_digit1::<_, EmptyError>.parse(hex).map_err(|_| "not hexadecimal")?;
        return radix(hex, 16, "not hexadecimal");
    }
    if let Some(binary) = text.strip_prefix("0b") {
        return radix(binary, 2, "not binary");
    }
    match text.strip_prefix('-') {
        Some(digits) => {
            let number = radix(digits, 10, "not a number")?;
            if number > 1 << 63 { Err(large) } else { Ok(number.wrapping_neg()) }
        }
        None if text.len() > 1 && text.starts_with('0') => radix(text, 8, "a number that begins with 0 is octal"),
        None => radix(text, 10, "not a number"),
    }
}

fn unexpected(source: &Source, at: usize) -> Mistake {
    match source.text.get(at..).and_then(|rest| rest.chars().next()) {
        Some('"') => source.mistake(at, "expected a name between quotes, on one line"),
        Some(c) => source.mistake(at, format!("'{c}' means nothing here")),
        None => source.mistake(at, "unexpected end"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> std::result::Result<Vec<String>, String> {
        let source = Source { name: "p".into(), text: text.into() };
        let show = |(token, at): &Placed| match token {
            Token::Word(word) => format!("{word}@{at}"),
            Token::Number(number) => format!("{number}"),
            Token::Text(text) => format!("\"{text}\""),
            Token::Sign(sign) => (*sign).into(),
            Token::Newline => "NL".into(),
        };
        lex(&source)
            .map(|all| all.iter().map(show).collect())
            .map_err(|m| format!("{}:{}: {}", m.line, m.column, m.what))
    }

    #[test]
    fn comments_are_blanks_and_signs_are_taken_whole() {
        assert_eq!(
            tokens("a<=b/* x\n y */&&!c // d\n||e").unwrap(),
            ["a@0", "<=", "b@3", "&&", "!", "c@17", "||", "e@26"]
        );
        assert_eq!(tokens("/**/ /***/ // x").unwrap(), Vec::<String>::new());
        assert_eq!(tokens("a /* x"), Err("1:3: this comment does not end".into()));
    }

    #[test]
    fn numbers_of_every_notation() {
        let all = tokens("0 7 0x1F 010 0b101 -1 18446744073709551615 -9223372036854775808").unwrap();
        assert_eq!(
            all,
            ["0", "7", "31", "8", "5", "18446744073709551615", "18446744073709551615", "9223372036854775808"]
        );
        for bad in [
            "08",
            "0x",
            "0xg",
            "0b2",
            "0b",
            "12a",
            "18446744073709551616",
            "0x10000000000000000",
            "-9223372036854775809",
        ] {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_include_ends_with_its_line_or_a_semicolon() {
        let all = tokens("#include \"a\" \"b\"\nx #include \"c\"; y\nz").unwrap();
        assert_eq!(
            all,
            ["#", "include@1", "\"a\"", "\"b\"", "NL", "x@17", "#", "include@20", "\"c\"", ";", "y@33", "z@35"]
        );
        for bad in ["\"a", "\"a\nb\"", "\"\"", "$", "é"] {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }
}
