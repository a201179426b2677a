// What identifies a node of each label.
CREATE CONSTRAINT user_id IF NOT EXISTS
FOR (user:User)
REQUIRE user.userId IS UNIQUE;

CREATE CONSTRAINT content_id IF NOT EXISTS
FOR (content:Content)
REQUIRE content.contentId IS UNIQUE;

CREATE CONSTRAINT genre_id IF NOT EXISTS
FOR (genre:Genre)
REQUIRE genre.genreId IS UNIQUE;

CREATE CONSTRAINT mood_id IF NOT EXISTS
FOR (mood:Mood)
REQUIRE mood.moodId IS UNIQUE;

CREATE CONSTRAINT hashtag_name IF NOT EXISTS
FOR (hashtag:Hashtag)
REQUIRE hashtag.name IS UNIQUE;
