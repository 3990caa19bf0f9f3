//! Text of other people in our messages: names of tensors, keys of files, lines of lists.

use std::fmt::{self, Display, Formatter, Write};

/// Characters of a name that are shown before it is cut in the middle.
const MOST_CHARS: usize = 160;
/// Characters of a line that are shown: two paths of the greatest length that systems take.
const MOST_CHARS_OF_A_LINE: usize = 8192;

/// `text` as a message may show it: characters that a terminal obeys or hides are escaped (`\u{1b}`), and of a long text only
/// the beginning and the end are left.
#[must_use]
pub fn quoted(text: &str) -> impl Display {
    Quoted(text, MOST_CHARS)
}

/// A whole message or line, as [`quoted`]; it is cut only where no message is so long.
#[must_use]
pub fn printable(text: &str) -> impl Display {
    Quoted(text, MOST_CHARS_OF_A_LINE)
}

struct Quoted<'a>(&'a str, usize);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Quoted(text, most) = *self;
        // A byte at least a character: no long text is counted to its end.
        if text.len() <= most || text.chars().nth(most).is_none() {
            return escaped(text, f);
        }
        let place = |chars: usize| text.char_indices().nth(chars).map_or(text.len(), |(place, _)| place);
        let end = text.char_indices().rev().nth(most / 2 - 1).map_or(0, |(place, _)| place);
        escaped(&text[..place(most / 2)], f)?;
        f.write_char('…')?;
        escaped(&text[end..], f)
    }
}

fn escaped(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    text.chars().try_for_each(|char| match char {
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        _ if is_hidden(char) => write!(f, "{}", char.escape_unicode()),
        _ => f.write_char(char),
    })
}

/// Whether no one sees a character: a terminal obeys it, or it changes how others are shown (directions, joiners, line ends,
/// tags).
#[must_use]
pub fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_the_rest_stays() {
        for (text, expected) in [
            ("pnet.conv1.weight", "pnet.conv1.weight"),
            ("C:\\models\\\"é\" 顔 e\u{301}", "C:\\models\\\"é\" 顔 e\u{301}"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("a\r\n\tb\0\u{9b}31m", "a\\r\\n\\tb\\u{0}\\u{9b}31m"),
            ("gnp\u{202E}.exe\u{FEFF}", "gnp\\u{202e}.exe\\u{feff}"),
        ] {
            assert_eq!(quoted(text).to_string(), expected);
        }
    }

    #[test]
    fn long_text_keeps_its_beginning_and_its_end() {
        let whole = "é".repeat(MOST_CHARS);
        assert_eq!(quoted(&whole).to_string(), whole);
        let long = format!("begin{}end", "é".repeat(65_000));
        let shown = quoted(&long).to_string();
        assert!(shown.starts_with("beginé") && shown.contains("é…é") && shown.ends_with("éend"), "{shown}");
        assert_eq!(shown.chars().count(), MOST_CHARS + 1);
    }
}
