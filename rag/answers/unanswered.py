"""What visitors asked in vain, for the owner: to be documented, indexed, or let be."""

from django.db.models import CharField, Count, Exists, F, Func, OuterRef, Q, QuerySet, Value, Window
from django.db.models.functions import Left, Lower, RowNumber, Trim

from rag import models, prompts, retrieval
from rag.answers import drafts

# How an answer begins that says that the passages do not answer, as a model is told to. Who fails to do what is asked
# for matters: that the program does not is an answer.
DENIAL = (
    r"\m(I|we) (did|do|could|can)(n['’]t| ?not) (find|see|answer|say|tell)\M"
    r"|\m(passages?|code|repository)\M[^.]{0,40}\m(do|does|did|could|can)(n['’]t| ?not)"
    r" (contain|answer|say|show|mention|include|provide)\M"
    r"|\mnot (find|found|answered|shown|mentioned|covered|contained) (\w+ )?in the (\w+ )?(code|passages|repository)\M"
)
BEGINNING = 300  # characters: further on it is said of a part


class Questions(QuerySet["UnansweredQuestion"]):
    def in_vain(self) -> "Questions":
        """Nothing was found, or a complete answer cites nothing or says that it is not in the passages."""
        cited = models.MessageSource.objects.filter(message=OuterRef("pk"), cited=True)
        complete = Q(status=models.Message.Status.COMPLETE) & ~Q(answer="")
        beginning = self.annotate(beginning=Left("answer", BEGINNING))
        return beginning.filter(Q(found=False) | (complete & (~Exists(cited) | Q(beginning__iregex=DENIAL))))

    def each_once(self) -> "Questions":
        """The last of those that ask a project the same in the same words, and how many they are (`times`)."""
        same = [F("conversation__project"), F("words")]
        counted = self.annotate(words=_words("question")).annotate(
            times=Window(Count("pk"), partition_by=same),
            latest=Window(RowNumber(), partition_by=same, order_by=[F("created_at").desc(), F("pk").desc()]),
        )
        return counted.filter(latest=1)

    def alike(self, question: models.Message) -> "Questions":
        """Those in the same words about the same project, itself among them."""
        words = UnansweredQuestion.asked.filter(pk=question.pk).annotate(words=_words("question")).values("words")[:1]
        project = question.conversation.project_id
        return self.annotate(words=_words("question")).filter(conversation__project=project, words=words)


class UnansweredQuestion(models.Message):
    """A message, seen as a question that is waiting for its owner."""

    asked = Questions.as_manager()

    class Meta:
        proxy = True
        ordering = ["-created_at", "pk"]


def ask_again(question: models.Message) -> retrieval.Found:
    """What is found for it now; nothing is stored. Raises what `retrieval.search` does, and drafts.Removed."""
    draft = drafts.Draft(question)
    return retrieval.search(draft.live_revision(), prompts.retrieval_query(question.question, draft.history()))


def _words(field: str) -> Trim:
    """A question in small letters, its words apart by one space, without anything else."""
    bare = Func(
        Lower(field), Value(r"\W+"), Value(" "), Value("g"), function="regexp_replace", output_field=CharField()
    )
    return Trim(bare)
