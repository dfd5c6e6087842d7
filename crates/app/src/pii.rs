//! Personal data that masks itself (decision 18): ID numbers, mobile numbers and anything wrapped
//! in [`Pii`]. Printing, debugging and serialising show the masked form; only `reveal` shows all.
//! Any room may use these types; values are made by `rules` or read back from sealed columns.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};
use zeroize::Zeroize;

/// Weights of positions 1-17 of an ID number (GB 11643-1999, domain i1).
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// Check characters by remainder 0..=10.
const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];

/// A person's sex as the ID number says it (GB/T 2261.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// 男, code 1.
    Male,
    /// 女, code 2.
    Female,
}

impl Sex {
    /// The GB/T 2261.1 code: 1 or 2.
    pub fn code(self) -> i64 {
        match self {
            Self::Male => 1,
            Self::Female => 2,
        }
    }

    /// The Chinese word on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Male => "男",
            Self::Female => "女",
        }
    }
}

/// A checked, normalised ID number (身份证号码): 18 characters, the last a digit or capital X.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdNumber {
    text: String,
    birth: Date,
}

impl IdNumber {
    /// Takes back a normalised number, for example one that was just decrypted.
    /// `None` when the shape, the birth date or the check character is wrong.
    pub fn from_stored(text: &str) -> Option<Self> {
        if text.len() != 18 || !text.is_ascii() {
            return None;
        }
        let (first, check) = text.split_at(17);
        if check_char(first) != check.chars().next() {
            return None;
        }
        let year = text[6..10].parse().ok()?;
        let month = text[10..12].parse().ok()?;
        let day = text[12..14].parse().ok()?;
        let birth = Date::new(year, month, day).ok()?;
        Some(Self { text: text.to_owned(), birth })
    }

    /// The whole number. Only for sealing, indexing and pages whose reader handles the person.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// First and last four characters, the middle as stars: `3401**********121X`.
    pub fn masked(&self) -> String {
        format!("{}**********{}", &self.text[..4], &self.text[14..])
    }

    /// The last eight characters (rule 2: the original's initial password).
    pub fn last8(&self) -> &str {
        &self.text[10..]
    }

    /// Date of birth as the number says it.
    pub fn birth(&self) -> Date {
        self.birth
    }

    /// Sex as the number says it: the 17th digit is odd for men.
    pub fn sex(&self) -> Sex {
        if (self.text.as_bytes()[16] - b'0') % 2 == 1 { Sex::Male } else { Sex::Female }
    }

    /// First two digits (GB/T 2260 province at the time of issue).
    pub fn province(&self) -> &str {
        &self.text[..2]
    }
}

/// The check character for the first 17 digits; `None` unless they are 17 ASCII digits.
pub fn check_char(first17: &str) -> Option<char> {
    if first17.len() != 17 {
        return None;
    }
    let mut sum = 0;
    for (byte, weight) in first17.bytes().zip(WEIGHTS) {
        if !byte.is_ascii_digit() {
            return None;
        }
        sum += u32::from(byte - b'0') * weight;
    }
    CHECKS.get((sum % 11) as usize).copied()
}

/// A checked mobile number of mainland China: 11 digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Mobile(String);

impl Mobile {
    /// Takes back a normalised number; `None` unless it is 11 ASCII digits beginning with 1.
    /// Which prefixes a *new* number may have is a rule (`rules::fields::mobile`).
    pub fn from_stored(text: &str) -> Option<Self> {
        let good = text.len() == 11
            && text.starts_with('1')
            && text.bytes().all(|byte| byte.is_ascii_digit());
        good.then(|| Self(text.to_owned()))
    }

    /// The whole number. Only for sealing, indexing, sending and pages whose reader handles the person.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `138****6021`.
    pub fn masked(&self) -> String {
        format!("{}****{}", &self.0[..3], &self.0[7..])
    }
}

/// Any other personal value (contact, address): never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pii<T: Zeroize>(T);

impl<T: Zeroize> Pii<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Only for sealing, sending and pages whose reader handles the person.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> From<T> for Pii<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl fmt::Display for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for IdNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

impl JsonSchema for IdNumber {
    fn schema_name() -> Cow<'static, str> {
        "MaskedIdNumber".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

impl Drop for IdNumber {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

impl fmt::Display for Mobile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for Mobile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for Mobile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

impl JsonSchema for Mobile {
    fn schema_name() -> Cow<'static, str> {
        "MaskedMobile".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

impl Drop for Mobile {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T: Zeroize> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T: Zeroize> Serialize for Pii<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl<T: Zeroize> JsonSchema for Pii<T> {
    fn schema_name() -> Cow<'static, str> {
        "Masked".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

impl<T: Zeroize> Drop for Pii<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    fn made_up(day: i32, area: u32, serial: u32) -> IdNumber {
        let birth = jiff::civil::date(1960, 1, 1)
            .checked_add(jiff::Span::new().days(day))
            .expect("within the calendar");
        let first = format!(
            "{area:06}{:04}{:02}{:02}{serial:03}",
            birth.year(),
            birth.month(),
            birth.day()
        );
        let check = check_char(&first).expect("17 digits");
        IdNumber::from_stored(&format!("{first}{check}")).expect("a valid number")
    }

    #[test]
    fn the_example_of_the_standard_is_read_back_with_its_facts() {
        let id = IdNumber::from_stored("11010519491231002X").expect("valid");
        assert_eq!(id.birth(), jiff::civil::date(1949, 12, 31));
        assert_eq!((id.sex(), id.province(), id.last8()), (Sex::Female, "11", "1231002X"));
        assert_eq!(id.masked(), "1101**********002X");
    }

    #[test]
    fn debug_display_and_json_of_personal_values_are_masked() {
        let id = IdNumber::from_stored("11010519491231002X").expect("valid");
        let mobile = Mobile::from_stored("13812346021").expect("valid");
        let contact = Pii::new("li@example.test".to_owned());
        let all = format!("{id} {id:?} {mobile} {mobile:?} {contact} {contact:?}");
        let json = serde_json::to_string(&(&id, &mobile, &contact)).expect("serialises");
        for secret in ["19491231", "1234", "example"] {
            assert!(!all.contains(secret) && !json.contains(secret), "{secret} leaked");
        }
        assert!(all.contains("138****6021") && json.contains("138****6021"));
    }

    proptest! {
        #[test]
        fn masked_output_never_contains_the_middle(day in 0..20_000, area in 110_000u32..830_000, serial in 0u32..1000) {
            let id = made_up(day, area, serial);
            let middle = &id.reveal()[4..14];
            let shown = format!("{id}{id:?}");
            prop_assert!(!shown.contains(middle));
            prop_assert!(!serde_json::to_string(&id).expect("serialises").contains(middle));
        }

        #[test]
        fn one_altered_character_is_always_found(day in 0..20_000, area in 110_000u32..830_000, serial in 0u32..1000, at in 0usize..18, digit in 0u8..10) {
            let id = made_up(day, area, serial);
            let mut bytes = id.reveal().as_bytes().to_vec();
            let before = bytes[at];
            bytes[at] = b'0' + digit;
            let text = String::from_utf8(bytes).expect("ascii");
            prop_assert_eq!(IdNumber::from_stored(&text).is_some(), before == b'0' + digit);
        }
    }
}
