//! `minitwit user`: lists, shows, disables and enables users, and resets passwords.

use std::io::{self, BufRead};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    Failure,
    moderation::{escape, format_time, with_service},
    stop::Stop,
};
use crate::{
    config::{UserArgs, UserCommand},
    domain::{ModeratedUser, NameCursor, Password, Username, Weakness},
    service::Service,
};

/// Random bytes of a generated password: 120 bits, 20 characters.
const PASSWORD_BYTES: usize = 15;

pub(super) fn run(settings: &UserArgs, stop: &Stop) -> Result<(), Failure> {
    let cost = settings.passwords.password_cost;
    with_service(&settings.database, &settings.log, cost, stop, |service| {
        execute(service, &settings.command)
    })
}

async fn execute(service: Service, command: &UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::List { prefix, after, limit } => {
            list(&service, prefix, after.as_deref(), *limit).await
        }
        UserCommand::Show { name } => show(&service, Username::parse(name)?).await,
        UserCommand::Disable { name } => {
            service.disable_user(Username::parse(name)?).await?;
            println!("disabled {name}: all sessions and tokens have ended");
            Ok(())
        }
        UserCommand::Enable { name } => {
            service.enable_user(Username::parse(name)?).await?;
            println!("enabled {name}");
            Ok(())
        }
        UserCommand::ResetPassword { name, stdin } => {
            reset_password(&service, Username::parse(name)?, *stdin).await
        }
    }
}

async fn list(
    service: &Service,
    prefix: &str,
    after: Option<&str>,
    limit: u16,
) -> Result<(), Failure> {
    let after = after.map(Username::parse).transpose()?;
    let after = after.as_ref().map(NameCursor::new);
    let page = service.moderated_users(prefix, after.as_ref(), limit).await?;
    for user in &page.items {
        let ModeratedUser { username, email, joined_at, disabled_at } = user;
        let state = if disabled_at.is_some() { "disabled" } else { "enabled" };
        let email = escape(email.as_str());
        let username = escape(username.as_str());
        println!("{username}\t{email}\tjoined {}\t{state}", format_time(*joined_at)?);
    }
    if let Some(next) = page.next {
        eprintln!("there are more users; continue with --after {}", shell_quote(next.as_str()));
    }
    Ok(())
}

/// Quotes a word for a shell; usernames may contain spaces and quotes.
fn shell_quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

async fn show(service: &Service, username: Username) -> Result<(), Failure> {
    let (user, counts) = service.moderated_user(username).await?;
    println!("username   {}", escape(user.username.as_str()));
    println!("email      {}", escape(user.email.as_str()));
    println!("joined     {}", format_time(user.joined_at)?);
    match user.disabled_at {
        Some(since) => println!("disabled   {}", format_time(since)?),
        None => println!("disabled   no"),
    }
    println!("messages   {}", counts.messages);
    println!("followers  {}", counts.followers);
    println!("following  {}", counts.following);
    Ok(())
}

async fn reset_password(
    service: &Service,
    username: Username,
    from_stdin: bool,
) -> Result<(), Failure> {
    let password = if from_stdin { read_password()? } else { generate_password() };
    let parsed = Password::parse(&password)?;
    let weakness = Weakness::of(&parsed);
    service.reset_password(username, parsed).await?;
    if !from_stdin {
        println!("{password}");
    }
    eprintln!("the password is changed: all sessions and tokens have ended");
    match weakness {
        Some(Weakness::Common) => eprintln!("the password is one of the 10,000 most common ones"),
        Some(Weakness::Short) => eprintln!("the password has fewer than 8 characters"),
        None => {}
    }
    Ok(())
}

fn read_password() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn generate_password() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; PASSWORD_BYTES]>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_name_is_one_word_for_a_shell() {
        assert_eq!(shell_quote("ann"), "'ann'");
        assert_eq!(shell_quote("x'; reboot"), r"'x'\''; reboot'");
    }
}
