//! A directory filled by the seeder is one that a server starts on, and that holds what the plan says.

mod seed;

use hearth::store::*;
use seed::Plan;

#[tokio::test]
async fn a_seeded_directory_holds_its_plan() {
    let directory = tempfile::tempdir().unwrap();
    let seeded = seed::fill(directory.path(), Plan::SMALL).await;
    assert_eq!(seeded.people.len(), 20);
    let opened = Store::open(directory.path(), Options::default()).unwrap();
    opened
        .read(|view| -> Result<(), StoreError> {
            let count = |channel| {
                view.list::<Messages>(&channel, None, Order::Ascending, 2_000).map(|rows| rows.len())
            };
            let counts: Vec<usize> = seeded.channels.iter().map(|id| count(*id)).collect::<Result<_, _>>()?;
            assert_eq!(counts.iter().sum::<usize>() as u64, Plan::SMALL.messages);
            assert!(counts[0] > counts[4], "later channels are quieter: {counts:?}");
            for (user, _) in &seeded.people {
                let access = view.channel_access(*user, seeded.channels[0])?;
                assert!(access.held.contains(hearth::model::Permissions::SEND_MESSAGES));
            }
            let (newest, texts) = {
                let rows = view.list::<Messages>(&seeded.channels[0], None, Order::Descending, 50)?;
                (
                    rows[0].0.1,
                    rows.iter()
                        .map(|(_, row)| matches!(&row.body, Body::Plain(text) if !text.is_empty()))
                        .count(),
                )
            };
            assert_eq!(texts, 50);
            assert_eq!(view.get::<ChannelStates>(&seeded.channels[0])?.unwrap().last_message, Some(newest));
            Ok(())
        })
        .unwrap();
}
