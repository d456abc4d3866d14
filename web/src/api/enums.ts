// The numbers that stand for kinds and flags in what the server says.

export const ChannelType = {
  text: 0,
  dm: 1,
  voice: 2,
  group: 3,
  category: 4,
  announcement: 5,
  stage: 13,
  forum: 15,
  media: 16,
} as const;

/** What a sticker's picture is. */
export const StickerFormat = { png: 1, apng: 2, lottie: 3, gif: 4 } as const;

/** Bits of an attachment's flags. */
export const AttachmentFlag = { isSpoiler: 1 << 3, isAnimated: 1 << 5 } as const;

export const MessageType = {
  default: 0,
  recipientAdd: 1,
  recipientRemove: 2,
  call: 3,
  channelName: 4,
  channelIcon: 5,
  pinned: 6,
  join: 7,
  followAdded: 12,
  reply: 19,
} as const;

/** Bits of a message's flags. */
export const MessageFlag = { isVoice: 1 << 13 } as const;

export const Relation = { friend: 1, blocked: 2, incoming: 3, outgoing: 4 } as const;

/** What one wants to hear of: 0 everything, 1 mentions, 2 nothing, 3 as the place above has it. */
export const Hear = { all: 0, mentions: 1, nothing: 2, inherit: 3 } as const;
