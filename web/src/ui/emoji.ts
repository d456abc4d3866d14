// The emoji at hand: a handful for one tap, and a small table of the common ones.

export const QUICK_EMOJI = ['👍', '🔥', '🫶', '😄', '👀'] as const;

export const COMMON_EMOJI = (
  '👍 👎 ❤️ 🔥 🎉 😄 😂 🤣 🙂 😉 😍 🥰 😎 🤩 🤔 🤨 😮 😢 😭 😤 😡 🥺 😴 🤯 🥳 🙈 👀 👋 👏 🙌 🙏 💪 ' +
  '🫶 🤝 🤞 ✌️ 💯 ✨ ⭐ 🌟 💡 ✅ ❌ ❓ ❗ ➕ 🚀 🏆 🎁 🎂 🍞 🍕 ☕ 🍵 🍲 🌱 🌻 🌧️ ☀️ 🌙 🐱 🐶 🦊 🐝'
).split(' ');
