//! Faults of single fields: each leaf code of API.md §1.5 with its sentence.

use std::borrow::Cow;
use std::fmt::Display;

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldFault {
    /// The leaf code of API.md §1.5.
    pub code: &'static str,
    /// A sentence for people.
    pub message: Cow<'static, str>,
}

/// Declares the faults whose sentence is always the same.
macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident = $code:literal $message:literal;)*) => {
        impl FieldFault {$(
            $(#[$doc])*
            pub const fn $name() -> Self {
                Self { code: $code, message: Cow::Borrowed($message) }
            }
        )*}
    };
}

plain! {
    /// A field that has to be there is absent.
    required = "BASE_TYPE_REQUIRED" "This field is required";
    /// Not a string.
    not_string = "STRING_TYPE_CONVERT" "Must be a string";
    /// Not a boolean.
    not_boolean = "BOOLEAN_TYPE_CONVERT" "Must be true or false";
    /// Not a number.
    not_number = "NUMBER_TYPE_COERCE" "Must be a number";
    /// Not a list.
    not_list = "LIST_TYPE_CONVERT" "Must be a list";
    /// Not a map of keys to values.
    not_dict = "DICT_TYPE_CONVERT" "Must be an object";
    /// Not an object with known fields.
    not_model = "MODEL_TYPE_CONVERT" "Must be an object";
    /// Not a time.
    not_timestamp = "DATE_TIME_TYPE_PARSE" "Must be an ISO 8601 time";
    /// The message replied to is not there.
    unknown_reply = "REPLIES_UNKNOWN_MESSAGE" "Unknown message";
    /// Not a picture of a type that is read.
    bad_image = "IMAGE_INVALID" "Must be a PNG, JPEG, GIF or WebP picture";
    /// Two components answer to one name.
    duplicate_custom_id = "COMPONENT_CUSTOM_ID_DUPLICATED" "Component custom id cannot be duplicated";
    /// Name or password is wrong; which of them is never said (SAFETY.md §1).
    invalid_login = "INVALID_LOGIN" "Login or password is invalid.";
    /// Another account has the address.
    email_taken = "EMAIL_ALREADY_REGISTERED" "Email is already registered.";
    /// Another account has the name.
    username_taken = "USERNAME_ALREADY_TAKEN" "Username is unavailable. Try adding numbers, letters, underscores _ , or periods.";
    /// The password is not the account's.
    wrong_password = "PASSWORD_DOES_NOT_MATCH" "Password does not match.";
    /// Nobody may register.
    registration_disabled = "REGISTRATION_DISABLED" "Registration is closed on this server.";
    /// Only who holds an invite may register.
    invite_only = "INVITE_ONLY" "Registration here needs an invite.";
}

impl FieldFault {
    /// A fault with its own sentence.
    pub fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// Shorter than `least` or longer than `most`, in code points or items.
    pub fn bad_length(least: usize, most: usize) -> Self {
        Self::new("BASE_TYPE_BAD_LENGTH", format!("Must be between {least} and {most} in length."))
    }

    /// Longer than `most`, in code points or items.
    pub fn too_long(most: usize) -> Self {
        Self::new("BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length."))
    }

    /// Shorter than `least`, in code points or items.
    pub fn too_short(least: usize) -> Self {
        Self::new("BASE_TYPE_MIN_LENGTH", format!("Must be {least} or more in length."))
    }

    /// None of the values that may be given.
    pub fn no_choice<T: Display>(choices: &[T]) -> Self {
        let listed: Vec<String> = choices.iter().map(T::to_string).collect();
        Self::new("BASE_TYPE_CHOICES", format!("Value must be one of ({}).", listed.join(", ")))
    }

    /// A number below `least`.
    pub fn too_small(least: impl Display) -> Self {
        Self::new("NUMBER_TYPE_MIN", format!("Must be {least} or more."))
    }

    /// A number above `most`.
    pub fn too_large(most: impl Display) -> Self {
        Self::new("NUMBER_TYPE_MAX", format!("Must be {most} or less."))
    }

    /// A value that is in a set twice.
    pub fn already_contains(value: impl Display) -> Self {
        Self::new("SET_TYPE_ALREADY_CONTAINS_VALUE", format!("The set already contains {value}."))
    }

    /// All embeds together have more than `most` code points.
    pub fn embeds_too_large(most: usize) -> Self {
        Self::new("MAX_EMBED_SIZE_EXCEEDED", format!("Embed size exceeds maximum size of {most}."))
    }

    /// An address whose scheme is none of those that may be used here.
    pub fn bad_scheme(schemes: &[&str]) -> Self {
        let message =
            format!("The address must be well formed and its scheme one of ({}).", schemes.join(", "));
        Self::new("URL_TYPE_INVALID_SCHEME", message)
    }

    /// A command whose texts have more than `most` code points together.
    pub fn command_too_large(most: usize) -> Self {
        Self::new("APPLICATION_COMMAND_TOO_LARGE", format!("Command exceeds maximum size ({most})."))
    }

    /// `allowed_mentions` allows a class of mentions whole and by ids at once.
    pub fn exclusive_mentions(class: &str) -> Self {
        let message = format!(r#"parse:["{class}"] and {class}: [ids...] are mutually exclusive."#);
        Self::new("MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
    }

    /// A name nobody may have, and why.
    pub fn bad_username(why: &'static str) -> Self {
        Self::new("USERNAME_INVALID", why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_read_as_the_contract_words_them() {
        let json = |fault: FieldFault| serde_json::to_string(&fault).unwrap();
        assert_eq!(
            json(FieldFault::required()),
            r#"{"code":"BASE_TYPE_REQUIRED","message":"This field is required"}"#
        );
        assert_eq!(
            json(FieldFault::bad_length(2, 100)),
            r#"{"code":"BASE_TYPE_BAD_LENGTH","message":"Must be between 2 and 100 in length."}"#
        );
        assert_eq!(FieldFault::too_long(2000).message, "Must be 2000 or fewer in length.");
        assert_eq!(FieldFault::no_choice(&[1, 2]).message, "Value must be one of (1, 2).");
    }
}
