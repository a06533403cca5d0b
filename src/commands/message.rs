//! `minitwit message`: looks after messages.

use super::{
    Failure,
    moderation::{moderate, printable, time},
};
use crate::{
    config::{MessageArgs, MessageCommand},
    domain::ModeratedMessage,
    service::Service,
};

pub(super) fn run(settings: &MessageArgs) -> Result<(), Failure> {
    // No password is hashed.
    moderate(&settings.database, &settings.log, 10, |service| carry_out(service, &settings.command))
}

async fn carry_out(service: Service, command: &MessageCommand) -> Result<(), Failure> {
    match command {
        MessageCommand::Show { id } => show(service.moderated_message(*id).await?)?,
        MessageCommand::Flag { id } => {
            service.flag_message(*id, true).await?;
            println!("flagged {id}: nobody but operators sees it");
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
    println!("author     {}", message.author);
    println!("published  {}", time(message.published_at)?);
    if let Some(edited_at) = message.edited_at {
        println!("edited     {}", time(edited_at)?);
    }
    println!("flagged    {}", if flagged { "yes" } else { "no" });
    println!("text       {}", printable(&message.text));
    Ok(())
}
