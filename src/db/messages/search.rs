//! Searches of `messages`: for words, for parts of words, for a tag.
//!
//! A search scans the messages that have no block yet, and then the blocks that contain all its terms,
//! newest first, until its page is full. It scans a bounded number of messages: if these do not fill
//! the page, the next page continues after the last of them. So the cost grows with the page, and not
//! with the number of words or matches.

use super::{ListedRow, page};
use crate::db::{
    error::Error,
    parameters::{keyset, one_more},
    pool::Database,
};
use crate::domain::{Cursor, Message, Page, SearchTerms, SearchText, Tag, rich_text::has_tag};

/// The most messages without a block that one search scans, in about 40 ms. Usually there are a few
/// hundred.
const MAX_UNINDEXED: i64 = 8_192;
/// The most blocks that one search scans, in addition to one for every second message of a page. A
/// block takes about 1 ms.
const EXTRA_BLOCKS: i64 = 16;
/// The blocks, newest first, whose terms a search reads one by one, in about 7 ms. A common term fills
/// the page from these. Only if they do not suffice, the index finds all older blocks with the terms:
/// in no useful order, but then they are few.
const NEWEST_BLOCKS: i64 = 256;

/// Returns the messages that contain `text`, newest first, after the cursor `before`. A page that is
/// not the last may have fewer than `limit`.
pub async fn messages(
    database: &Database,
    text: &SearchText,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Page<Message>, Error> {
    let emoji = text.emoji();
    let criteria = match text.terms() {
        SearchTerms::Words(words) => {
            let parts = emoji.iter().map(String::as_str).collect();
            Criteria { words: Some(words), parts, ..Criteria::default() }
        }
        SearchTerms::Parts(parts) => Criteria { parts, ..Criteria::default() },
    };
    find(database, criteria, before, limit).await
}

/// Returns the messages with this tag, newest first, after the cursor `before`.
///
/// The index also contains words that are not tags, such as parts of addresses. This function
/// removes such messages, so a page may have fewer than `limit`.
pub async fn tagged(
    database: &Database,
    tag: &Tag,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Page<Message>, Error> {
    let criteria = Criteria { tag: Some(tag), ..Criteria::default() };
    let mut page = find(database, criteria, before, limit).await?;
    page.items.retain(|message| has_tag(&message.text, tag));
    Ok(page)
}

/// What a message must contain: words with parts, which are emoji; a tag; or parts of its text.
#[derive(Default)]
struct Criteria<'a> {
    words: Option<&'a str>,
    tag: Option<&'a Tag>,
    parts: Vec<&'a str>,
}

async fn find(
    database: &Database,
    criteria: Criteria<'_>,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Page<Message>, Error> {
    let (time, id) = keyset(before);
    // `patterns` are a cheap test before the computation of a message's terms; the longest word, which
    // is often the rarest, comes first. `stop` is the position before which the search has not
    // looked. The nested loop reads the blocks in order, and only as many as the page needs. Each scan of
    // the timeline's index has one upper and one lower bound: of two, PostgreSQL starts at either, so a
    // scan could read all messages that are newer than the block.
    let query = sqlx::query!(
        r#"WITH criteria AS MATERIALIZED (
               SELECT COALESCE(query_for_words($1), query_for_tag($2), query_for_parts($4)) AS query,
                      ARRAY(SELECT '%' || regexp_replace(part, '([%_\\])', '\\\1', 'g') || '%'
                            FROM (SELECT unnest(tsvector_to_array(word_terms_of($1)))
                                  UNION ALL SELECT $3
                                  UNION ALL SELECT search_form(unnest($4::text[]))) AS parts (part)
                            WHERE part IS NOT NULL
                            ORDER BY char_length(part) DESC) AS patterns),
           bound AS MATERIALIZED (
               SELECT COALESCE($5::timestamptz, 'infinity') AS time, COALESCE($6::bigint, 0) AS id),
           matching AS NOT MATERIALIZED (
               SELECT message_id, author_id, text, published_at, edited_at, parent_id,
                      parent_author_id
               FROM messages
               WHERE NOT flagged
                 AND search_form(text) LIKE ALL ((SELECT patterns FROM criteria)::text[])
                 AND terms_of(text) @@ (SELECT query FROM criteria)),
           last_block AS MATERIALIZED (
               SELECT until_time, until_id FROM search_blocks
               ORDER BY until_time DESC, until_id DESC
               LIMIT 1),
           indexed AS MATERIALIZED (
               SELECT COALESCE((SELECT until_time FROM last_block), '-infinity') AS time,
                      COALESCE((SELECT until_id FROM last_block), 0) AS id),
           unindexed_stop AS MATERIALIZED (
               SELECT published_at AS time, message_id AS id FROM messages
               WHERE NOT flagged
                 AND (published_at, message_id) < ((SELECT time FROM bound), (SELECT id FROM bound))
                 AND (published_at, message_id) >
                     ((SELECT time FROM indexed), (SELECT id FROM indexed))
               ORDER BY published_at DESC, message_id DESC
               OFFSET $8 LIMIT 1),
           unindexed AS MATERIALIZED (
               SELECT * FROM matching
               WHERE (published_at, message_id) < ((SELECT time FROM bound), (SELECT id FROM bound))
                 AND (published_at, message_id) >=
                     (COALESCE((SELECT time FROM unindexed_stop), (SELECT time FROM indexed)),
                      COALESCE((SELECT id FROM unindexed_stop), (SELECT id + 1 FROM indexed)))
               ORDER BY published_at DESC, message_id DESC
               LIMIT $7),
           newest_blocks AS MATERIALIZED (
               SELECT after_time, after_id, until_time, until_id, terms FROM search_blocks
               WHERE (after_time, after_id) < ((SELECT time FROM bound), (SELECT id - 1 FROM bound))
               ORDER BY after_time DESC, after_id DESC
               LIMIT $10),
           newest_matches AS MATERIALIZED (
               SELECT after_time, after_id, until_time, until_id FROM newest_blocks
               WHERE terms @@ (SELECT query FROM criteria)
                 AND NOT EXISTS (SELECT FROM unindexed_stop)
                 AND (SELECT count(*) < $7 FROM unindexed)
               ORDER BY after_time DESC, after_id DESC
               LIMIT $9::bigint + 1),
           older_matches AS MATERIALIZED (
               SELECT after_time, after_id, until_time, until_id
               FROM (SELECT after_time, after_id, until_time, until_id FROM search_blocks
                     WHERE terms @@ (SELECT query FROM criteria)
                     OFFSET 0) AS block
               WHERE (after_time, after_id) <
                     ((SELECT after_time FROM newest_blocks
                       ORDER BY after_time, after_id LIMIT 1),
                      (SELECT after_id FROM newest_blocks
                       ORDER BY after_time, after_id LIMIT 1))
                 AND NOT EXISTS (SELECT FROM unindexed_stop)
                 AND (SELECT count(*) < $7 FROM unindexed)
                 AND (SELECT count(*) <= $9 FROM newest_matches)
               ORDER BY after_time DESC, after_id DESC
               LIMIT $9::bigint + 1),
           blocks AS MATERIALIZED (
               SELECT * FROM newest_matches UNION ALL SELECT * FROM older_matches
               ORDER BY until_time DESC, until_id DESC
               LIMIT $9::bigint + 1),
           ranges AS MATERIALIZED (
               SELECT after_time, after_id,
                      CASE WHEN is_whole THEN until_time ELSE bound.time END AS before_time,
                      CASE WHEN is_whole THEN until_id + 1 ELSE bound.id END AS before_id
               FROM (SELECT * FROM blocks ORDER BY until_time DESC, until_id DESC LIMIT $9) AS block,
                    bound,
                    LATERAL (SELECT (until_time, until_id) < (bound.time, bound.id)) AS whole (is_whole)
               ORDER BY after_time DESC, after_id DESC),
           older AS MATERIALIZED (
               SELECT found.*
               FROM ranges
               CROSS JOIN LATERAL (
                   SELECT * FROM matching
                   WHERE (published_at, message_id) > (after_time, after_id)
                     AND (published_at, message_id) < (before_time, before_id)
                   ORDER BY published_at DESC, message_id DESC
                   LIMIT $7) AS found
               LIMIT $7),
           stop AS MATERIALIZED (
               SELECT time, id FROM unindexed_stop
               UNION ALL
               (SELECT after_time, after_id + 1 FROM blocks
                WHERE (SELECT count(*) > $9 FROM blocks)
                ORDER BY until_time DESC, until_id DESC
                OFFSET $9 - 1 LIMIT 1)),
           late AS MATERIALIZED (
               SELECT * FROM matching
               WHERE message_id = ANY (ARRAY(SELECT message_id FROM search_late))
                 AND (published_at, message_id) < ((SELECT time FROM bound), (SELECT id FROM bound))
                 AND (published_at, message_id) >=
                     (COALESCE((SELECT time FROM stop), '-infinity'),
                      COALESCE((SELECT id FROM stop), 0))),
           found AS MATERIALIZED (
               SELECT * FROM unindexed UNION SELECT * FROM older UNION SELECT * FROM late
               ORDER BY published_at DESC, message_id DESC
               LIMIT $7)
           SELECT stop.time AS "stop_time?", stop.id AS "stop_id?", found.message_id AS "message_id?",
                  found.text AS "text?", found.published_at AS "published_at?", found.edited_at,
                  (SELECT username FROM users WHERE user_id = found.author_id) AS author,
                  parent_id,
                  (SELECT username FROM users WHERE user_id = parent_author_id) AS parent_author
           FROM (SELECT) AS one LEFT JOIN stop ON true LEFT JOIN found ON true
           ORDER BY found.published_at DESC, found.message_id DESC"#,
        criteria.words,
        criteria.tag.map(Tag::as_str),
        criteria.tag.map(Tag::literal),
        &criteria.parts as &[&str],
        time,
        id,
        one_more(limit),
        MAX_UNINDEXED - 1,
        one_more(limit) / 2 + EXTRA_BLOCKS,
        NEWEST_BLOCKS,
    );
    let rows = database.all(query).await?;
    let stop = rows.first().and_then(|row| Some(Cursor::new(row.stop_time?, row.stop_id?)));
    let messages = rows.into_iter().filter_map(|row| {
        Some(ListedRow {
            message_id: row.message_id?,
            author: row.author,
            text: row.text?,
            published_at: row.published_at?,
            edited_at: row.edited_at,
            parent_id: row.parent_id,
            parent_author: row.parent_author,
        })
    });
    let mut page = page(messages, limit);
    page.next = page.next.or(stop);
    Ok(page)
}
