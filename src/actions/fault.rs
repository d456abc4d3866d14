//! The errors of the API by name (API.md §1.5): HTTP status, JSON code and sentence of each in one table.

/// Declares [`Fault`] and its table.
macro_rules! faults {
    ($($name:ident = $status:literal $code:literal $message:literal;)*) => {
        /// An error of the API, without data of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Fault {
            $(#[doc = concat!("HTTP ", stringify!($status), ", code ", stringify!($code), ": ", $message)] $name,)*
        }

        impl Fault {
            /// Every fault, for documents and tests.
            pub const ALL: &'static [Fault] = &[$(Fault::$name,)*];

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Fault::$name => $status,)* }
            }

            /// The JSON code.
            pub const fn code(self) -> u32 {
                match self { $(Fault::$name => $code,)* }
            }

            /// The sentence shown to people.
            pub const fn message(self) -> &'static str {
                match self { $(Fault::$name => $message,)* }
            }
        }
    };
}

faults! {
    // General answers of the edge.
    BadRequest = 400 0 "400: Bad Request";
    Unauthorized = 401 0 "401: Unauthorized";
    Forbidden = 403 0 "403: Forbidden";
    NotFound = 404 0 "404: Not Found";
    MethodNotAllowed = 405 0 "405: Method Not Allowed";
    RequestTimeout = 408 0 "408: Request Timeout";
    UnsupportedMediaType = 415 0 "415: Unsupported Media Type";
    MisdirectedRequest = 421 0 "421: Misdirected Request";
    BodyTooLarge = 413 40005 "Request entity too large";
    FileTooLarge = 413 50045 "File uploaded exceeds the maximum size";

    // What does not exist.
    UnknownAccount = 404 10001 "Unknown Account";
    UnknownApplication = 404 10002 "Unknown Application";
    UnknownChannel = 404 10003 "Unknown Channel";
    UnknownGuild = 404 10004 "Unknown Guild";
    UnknownIntegration = 404 10005 "Unknown Integration";
    UnknownInvite = 404 10006 "Unknown Invite";
    UnknownMember = 404 10007 "Unknown Member";
    UnknownMessage = 404 10008 "Unknown Message";
    UnknownOverwrite = 404 10009 "Unknown Overwrite";
    UnknownRole = 404 10011 "Unknown Role";
    UnknownToken = 404 10012 "Unknown Token";
    UnknownUser = 404 10013 "Unknown User";
    UnknownEmoji = 404 10014 "Unknown Emoji";
    UnknownWebhook = 404 10015 "Unknown Webhook";
    UnknownSession = 404 10020 "Unknown Session";
    UnknownBan = 404 10026 "Unknown Ban";
    UnknownTemplate = 404 10057 "Unknown Guild Template";
    UnknownSticker = 404 10060 "Unknown Sticker";
    UnknownStickerPack = 404 10061 "Unknown Sticker Pack";
    UnknownInteraction = 404 10062 "Unknown Interaction";
    UnknownCommand = 404 10063 "Unknown Application Command";
    UnknownVoiceState = 404 10065 "Unknown Voice State";
    UnknownCommandPermissions = 404 10066 "Unknown Application Command Permissions";
    UnknownStageInstance = 404 10067 "Unknown Stage Instance";
    UnknownWelcomeScreen = 404 10069 "Unknown Guild Welcome Screen";
    UnknownScheduledEvent = 404 10070 "Unknown Guild Scheduled Event";
    UnknownScheduledEventUser = 404 10071 "Unknown Guild Scheduled Event User";
    UnknownTag = 404 10087 "Unknown Tag";
    UnknownSound = 404 10097 "Unknown Sound";

    // Who is asking.
    AccountUnauthorized = 401 40001 "Unauthorized";
    InvalidToken = 401 50014 "Invalid authentication token provided";
    InvalidOAuth2Token = 401 50025 "Invalid OAuth2 access token provided";
    InvalidWebhookToken = 401 50027 "Invalid Webhook Token";

    // What the caller may not do.
    BotsNotAllowed = 403 20001 "Bots cannot use this endpoint";
    BotsOnly = 403 20002 "Only bots can use this endpoint";
    NotYourApplication = 403 20012 "You are not authorized to perform this action on this application";
    OwnerOnly = 403 20018 "Only the owner of this account can perform this action";
    VerifyAccount = 403 40002 "You need to verify your account in order to perform this action.";
    BannedFromGuild = 403 40007 "The user is banned from this guild.";
    MissingAccess = 403 50001 "Missing Access";
    WidgetDisabled = 403 50004 "Widget Disabled";
    NotOnDm = 403 50003 "Cannot execute action on a DM channel";
    NotYourMessage = 403 50005 "Cannot edit a message authored by another user";
    CannotMessageUser = 403 50007 "Cannot send messages to this user";
    VerificationLevel = 403 50009 "Channel verification level is too high for you to gain access";
    MissingPermissions = 403 50013 "Missing Permissions";
    NotOnSystemMessage = 403 50021 "Cannot execute action on a system message";
    NoMutualGuild = 403 50278 "Cannot send messages to this user due to having no mutual guilds";
    StickerNotAllowed = 403 50600 "You do not have permission to send this sticker.";
    SecondFactorNeeded = 403 60003 "Two factor is required for this operation";
    ReactionBlocked = 403 90001 "Reaction was blocked";
    ThreadLocked = 403 160005 "Thread is locked";
    JoinsLimited = 403 340015 "Joining this guild is limited for now";

    // Accounts.
    AccountDeletionPending = 400 20011 "Account is scheduled for deletion";
    AccountDisabled = 400 20013 "Account is disabled";
    ExplicitContent = 400 20009 "Explicit content cannot be sent to the desired recipient(s)";
    UserOwnsGuilds = 400 40011 "You must transfer ownership of your guilds before you can delete your account.";

    // Limits on numbers of things.
    TooManyGuilds = 400 30001 "Maximum number of guilds reached";
    TooManyFriends = 400 30002 "Maximum number of friends reached";
    TooManyBlocks = 400 30044 "Maximum number of blocked users reached";
    TooManyPins = 400 30003 "Maximum number of pins reached for the channel";
    TooManyRecipients = 400 30004 "Maximum number of recipients reached";
    TooManyRoles = 400 30005 "Maximum number of guild roles reached";
    TooManyWebhooks = 400 30007 "Maximum number of webhooks reached";
    TooManyEmojis = 400 30008 "Maximum number of emojis reached";
    TooManyReactions = 400 30010 "Maximum number of reactions reached";
    TooManyGroups = 400 30011 "Maximum number of group DMs reached";
    TooManyChannels = 400 30013 "Maximum number of guild channels reached";
    TooManyAttachments = 400 30015 "Maximum number of attachments in a message reached";
    TooManyInvites = 400 30016 "Maximum number of invites reached";
    TooManyAnimatedEmojis = 400 30018 "Maximum number of animated emojis reached";
    TooManyMembers = 400 30019 "Maximum number of guild members reached";
    TemplateExists = 400 30031 "Guild already has a template";
    TooManyCommands = 400 30032 "Maximum number of application commands reached";
    TooManyThreadMembers = 400 30033 "Maximum number of thread participants reached";
    TooManyForeignBans = 400 30035 "Maximum number of bans for non-guild members has been exceeded";
    TooManyScheduledEvents = 400 30038 "Maximum number of guild scheduled events reached";
    TooManyStickers = 400 30039 "Maximum number of stickers reached";
    TooManySounds = 400 30045 "Maximum number of soundboard sounds reached";
    TooManyOldEdits = 400 30046 "Maximum number of edits to messages older than 1 hour reached";
    TooManyPinnedPosts = 400 30047 "Maximum number of pinned threads in a forum channel has been reached";
    TooManyTags = 400 30048 "Maximum number of tags in a forum channel has been reached";
    BitrateTooHigh = 400 30052 "Bitrate is too high for channel of this type";
    TooManyGuildWebhooks = 400 30058 "Maximum number of webhooks per guild reached";
    TooManyOverwrites = 400 30060 "Maximum number of channel permission overwrites reached";

    // What does not fit the state of things.
    OneParentAtATime = 400 40009 "Only one channel can be moved to another parent at a time";
    NotInVoice = 400 40032 "Target user is not connected to voice.";
    AlreadyCrossposted = 400 40033 "This message has already been crossposted.";
    CommandNameTaken = 400 40041 "An application command with that name already exists";
    NoMessageInForum = 400 40058 "Cannot send a message in a forum channel";
    InteractionAnswered = 400 40060 "Interaction has already been acknowledged";
    TagNamesNotUnique = 400 40061 "Tag names must be unique";
    NoTagForMembers = 400 40066 "There are no tags available that can be set by non-moderators";
    TagRequired = 400 40067 "A tag is required to create a forum post in this channel";
    InvalidAccountType = 400 50002 "Invalid account type";
    EmptyMessage = 400 50006 "Cannot send an empty message";
    NonTextChannel = 400 50008 "Cannot send messages in a non-text channel";
    ApplicationWithoutBot = 400 50010 "OAuth2 application does not have a bot";
    NoteTooLong = 400 50015 "Note was too long";
    BulkDeleteCount = 400 50016 "Provided too few or too many messages to delete. Must provide at least 2 and at most 100 messages to delete.";
    PinInOtherChannel = 400 50019 "A message can only be pinned to the channel it was sent in";
    InvalidVanityCode = 400 50020 "Invite code was either invalid or taken";
    ChannelType = 400 50024 "Cannot execute action on this channel type";
    MissingScope = 400 50026 "Missing required OAuth2 scope";
    InvalidRole = 400 50028 "Invalid role";
    InvalidRecipients = 400 50033 "Invalid Recipient(s)";
    TooOldForBulkDelete = 400 50034 "You can only bulk delete messages that are under 14 days old.";
    FormBody = 400 50035 "Invalid Form Body";
    ApiVersion = 400 50041 "Invalid API version provided";
    InvalidFile = 400 50046 "Invalid file uploaded";
    InvalidGuild = 400 50055 "Invalid Guild";
    InvalidMessageType = 400 50068 "Invalid message type";
    RequiredChannel = 400 50074 "Cannot delete a channel required for community guilds";
    StickersInEdit = 400 50080 "Cannot edit stickers within a message";
    InvalidSticker = 400 50081 "Invalid sticker sent";
    ThreadArchived = 400 50083 "Thread is archived";
    InvalidThreadNotificationSettings = 400 50084 "Invalid thread notification settings";
    BeforeThreadCreation = 400 50085 "`before` value is earlier than the thread creation date";
    JsonSyntax = 400 50109 "The request body contains invalid JSON.";
    OwnerCannotBeBot = 400 50132 "Ownership cannot be moved to a bot user";
    ImageTooLarge = 400 50138 "Failed to resize asset below the minimum size";
    UploadNotFound = 400 50146 "Uploaded file not found.";
    VoiceMessageContent = 400 50159 "Voice messages do not support additional content.";
    VoiceMessageOneFile = 400 50160 "Voice messages must have a single audio attachment.";
    VoiceMessageMetadata = 400 50161 "Voice messages must have supporting metadata.";
    VoiceMessageNoEdit = 400 50162 "Voice messages cannot be edited.";
    VoiceMessageHere = 400 50173 "You cannot send voice messages in this channel.";
    SecondFactorAlreadyOn = 400 60001 "Two factor is already enabled for this account";
    SecondFactorNotOn = 400 60002 "Two factor is not enabled for this account";
    InvalidMfaTicket = 400 60004 "Invalid two-factor auth ticket";
    InvalidTotpSecret = 400 60005 "Invalid two-factor secret";
    InvalidMfaCode = 400 60008 "Invalid two-factor code";
    RequestsNotAccepted = 400 80000 "The user does not accept friend requests";
    RelationshipBlocked = 400 80001 "You are blocked by this user, or have blocked them";
    BotsHaveNoFriends = 400 80002 "Bots cannot have friends";
    NotYourself = 400 80003 "Cannot send a friend request to yourself";
    NoSuchUsername = 400 80004 "No users with that name exist";
    AlreadyFriends = 400 80007 "You are already friends with that user";
    ReplyWithoutHistory = 400 160002 "Cannot reply without permission to read message history";
    ThreadExists = 400 160004 "A thread has already been created for this message";
    TooManyThreads = 400 160006 "Maximum number of active threads reached";
    TooManyAnnouncementThreads = 400 160007 "Maximum number of active announcement threads reached";
    EventFinished = 400 180000 "Cannot update a finished event";
    AutoModBlocked = 400 200000 "Message was blocked by automatic moderation";
    AutoModTitleBlocked = 400 200001 "Title was blocked by automatic moderation";
    ForumWebhookNeedsThread = 400 220001 "Webhooks posted to forum channels must have a thread_name or thread_id";
    ForumWebhookOneThread = 400 220002 "Webhooks posted to forum channels cannot have both a thread_name and thread_id";
    WebhookThreadOutsideForum = 400 220003 "Webhooks can only create threads in forum channels";
    WebhookServiceInForum = 400 220004 "Webhook services cannot be used in forum channels";
    OnboardingIncomplete = 400 350000 "Onboarding needs more prompts or default channels";
    OnboardingBelowRequirements = 400 350001 "Onboarding cannot be updated below its requirements";
    NoBanSucceeded = 400 500000 "Failed to ban users";
    PollVotingBlocked = 400 520000 "Poll voting blocked";
    PollExpired = 400 520001 "Poll expired";
    PollChannelType = 400 520002 "Invalid channel type for poll creation";
    PollMessageNoEdit = 400 520003 "Cannot edit a poll message";
    PollEmojiNotAllowed = 400 520004 "Cannot use an emoji included with the poll";
    PollCannotExpire = 400 520006 "Cannot expire a non-poll message";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_only_general_answers_have_none() {
        let mut seen = HashSet::new();
        for fault in Fault::ALL {
            assert!((400..500).contains(&fault.status()), "{fault:?}");
            assert!(fault.code() == 0 || seen.insert(fault.code()), "{fault:?} shares its code");
            assert!(!fault.message().to_lowercase().contains("discord"), "{fault:?}");
        }
        assert_eq!((Fault::UnknownChannel.status(), Fault::UnknownChannel.code()), (404, 10003));
    }
}
