use super::*;
use crate::settings::Settings;
use crate::world::World;

const NOW: i64 = 1_795_186_800;

fn all() -> Vec<String> {
    ["BRFG", "BRFUPDN", "DJNL"].map(str::to_owned).to_vec()
}

fn world() -> World {
    World::new(&Settings::default(), true, NOW).unwrap()
}

#[test]
fn headlines_are_newest_first_within_bounds_and_the_same_every_time() {
    let world = world();
    let apple = world.contracts.get(265_598).unwrap();
    let window = Window { after: Some(NOW - 30 * DAY), until: NOW, limit: 300 };
    let (found, more) = world.news.headlines(apple, &all(), window);
    assert!((30..200).contains(&found.len()) && !more, "{}", found.len());
    assert!(found.windows(2).all(|pair| pair[0].time >= pair[1].time));
    assert!(found.iter().all(|one| NOW - 30 * DAY < one.time && one.time <= NOW));
    assert_eq!(world.news.headlines(apple, &all(), window).0, found);
    let msft = world.contracts.get(272_093).unwrap();
    assert_ne!(world.news.headlines(msft, &all(), window).0, found);
}

#[test]
fn the_limit_holds_and_says_that_there_is_more() {
    let world = world();
    let apple = world.contracts.get(265_598).unwrap();
    let (found, more) = world.news.headlines(apple, &all(), Window { after: None, until: NOW, limit: 5 });
    assert_eq!((found.len(), more), (5, true));
    let (found, more) = world.news.headlines(apple, &all(), Window { after: None, until: NOW, limit: 10_000 });
    assert_eq!((found.len(), more), (MAX_HEADLINES, true));
    let index = world.contracts.get(416_904).unwrap();
    assert_eq!(world.news.headlines(index, &all(), Window { after: None, until: NOW, limit: 5 }), (Vec::new(), false));
}

#[test]
fn every_headline_has_its_article_and_nothing_else_has() {
    let world = world();
    let apple = world.contracts.get(265_598).unwrap();
    let find = |id| world.contracts.get(id);
    let (found, _) = world.news.headlines(apple, &all(), Window { after: None, until: NOW, limit: 60 });
    for one in &found {
        let text = world.news.article(&one.provider, &one.article_id, find).unwrap();
        assert!(text.contains(&one.text));
        assert_eq!(text.starts_with("<html>"), one.provider == "DJNL");
    }
    let id = &found[0].article_id;
    for (provider, id) in [
        ("XXX", id.as_str()),
        ("BRFG", "BRFG$"),
        ("BRFG", "BRFG$zzzzzzzzzzzzzz"),
        ("BRFG", "ü$üüüüüüüüüüüüüü"),
        ("BRFG", "BRFG$000000010000f0"),
    ] {
        assert_eq!(world.news.article(provider, id, find).unwrap_err().code, 10172, "{id}");
    }
}

#[test]
fn only_subscribed_providers() {
    let world = world();
    assert_eq!(world.news.check_providers("BRFG+DJNL").unwrap(), ["BRFG", "DJNL"]);
    assert_eq!(world.news.check_providers("BRFG+REUTERS").unwrap_err().code, 10276);
    assert_eq!(world.news.check_providers("").unwrap_err().code, 10276);
}
