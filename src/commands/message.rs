//! `minitwit message`: shows, flags and unflags messages.

use super::{
    Failure,
    moderation::{escape, format_time, with_service},
    stop::Stop,
};
use crate::{
    config::{MessageArgs, MessageCommand},
    domain::ModeratedMessage,
    service::Service,
};

pub(super) fn run(settings: &MessageArgs, stop: &Stop) -> Result<(), Failure> {
    // The command hashes no password, so the cost does not matter.
    with_service(&settings.database, &settings.log, 10, stop, |service| {
        execute(service, &settings.command)
    })
}

async fn execute(service: Service, command: &MessageCommand) -> Result<(), Failure> {
    match command {
        MessageCommand::Show { id } => show(service.moderated_message(*id).await?)?,
        MessageCommand::Flag { id } => {
            service.flag_message(*id, true).await?;
            println!("flagged {id}: it is hidden from everybody but operators");
        }
        MessageCommand::Unflag { id } => {
            service.flag_message(*id, false).await?;
            println!("unflagged {id}");
        }
    }
    Ok(())
}

fn show(moderated: ModeratedMessage) -> Result<(), Failure> {
    let ModeratedMessage { message, flagged } = moderated;
    println!("id         {}", message.id);
    println!("author     {}", escape(message.author.as_str()));
    println!("published  {}", format_time(message.published_at)?);
    if let Some(edited_at) = message.edited_at {
        println!("edited     {}", format_time(edited_at)?);
    }
    if let Some(parent) = &message.in_reply_to {
        println!("reply to   {}", parent.id);
    }
    println!("flagged    {}", if flagged { "yes" } else { "no" });
    println!("text       {}", escape(&message.text));
    Ok(())
}
