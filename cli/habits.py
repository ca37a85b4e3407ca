"""Which words a plan may be about: practices and habits that are known, and nothing that is or may be care.

A list of all medicines has holes, and what falls through is a person whom chance tells to leave a
prescribed medicine out. So the net is turned round: what is known as a habit goes without a question, and any
other word only if the person says that it is one, and never if it looks like medicine, therapy or other care.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Literal

Standing = Literal["habit", "care", "near", "unknown"]
"""What a word is taken for: a habit; care; something spelled much like a word of care; nothing that is known."""

KNOWN: Mapping[str, str] = {
    "practice of mind and breath; apps and titles that the diary knows as practice come beside these": """
        meditation meditating mindfulness mindful practice breathing breathwork relaxation relaxing relax bodyscan
        body-scan gratitude prayer praying chanting journal journaling journalling diary stillness""",
    "moving, as people do on some days and not on others": """
        walk walking walks stroll hike hiking run running jog jogging sprint sprints bike biking cycling swim
        swimming yoga pilates stretching stretch taichi tai-chi qigong qi-gong dance dancing gym workout exercise
        climbing rowing sport""",
    "rest, home and company": """
        reading read music singing piano guitar concert concerts nature forest park garden gardening drawing
        painting knitting crafts cooking baking nap naps napping bath sauna shower sunlight daylight outdoors
        friends family pet dog cat puzzle chess languages italian spanish french german""",
    "habits that people wonder about; alcohol is none: no plan says that somebody drinks": """
        screens screen phone tv news socialmedia social-media gaming email overtime homeoffice home-office commute
        coffee tea snack snacks chocolate""",
}
"""What a plan takes without a question, by why: each may be left out on any day without harm to most people."""
BEFORE_A_HABIT = """
    morning evening noon lunch night late early daily short long quick slow no cold warm hot my new guided
"""
QUALIFIERS = frozenset(BEFORE_A_HABIT.split())
"""Words before a habit that leave it one: morning-walk, late-screens."""

NEVER: Mapping[str, str] = {
    "medicine for mood, sleep, attention and nerves": """
        xanax zoloft prozac lexapro cipralex celexa cipramil paxil luvox effexor pristiq cymbalta wellbutrin remeron
        trintellix brintellix viibryd elavil anafranil tofranil nardil parnate buspar valium ativan klonopin rivotril
        librium restoril halcion tavor ambien lunesta sonata stilnox belsomra quviviq seroquel abilify zyprexa
        risperdal geodon latuda clozaril haldol invega vraylar rexulti lamictal depakote tegretol trileptal topamax
        keppra lyrica neurontin lithobid ritalin adderall concerta vyvanse elvanse strattera medikinet focalin
        provigil intuniv chantix champix antabuse suboxone subutex methadone naltrexone varenicline modafinil
        buspirone mirtazapine venlafaxine duloxetine lithium valproate carbamazepine levetiracetam topiramate
        melatonin opipramol promethazine""",
    "medicine for pain, heart, sugar, lungs, stomach, hormones, infections": """
        aspirin advil motrin nurofen aleve tylenol panadol paracetamol acetaminophen ibuprofen naproxen diclofenac
        voltaren novalgin metamizole codeine tramadol oxycontin percocet vicodin fentanyl morphine opium opioid
        relpax imitrex maxalt warfarin coumadin marcumar eliquis xarelto plavix heparin lipitor crestor zocor
        norvasc diovan lasix digoxin amiodarone metformin ozempic wegovy mounjaro rybelsus semaglutide trulicity
        victoza saxenda januvia jardiance glargine ventolin albuterol salbutamol symbicort advair singulair
        prednisone cortisone prednisolone dexamethasone hydrocortisone zyrtec cetirizine claritin loratadine
        benadryl allegra omeprazole nexium prilosec pantoprazole zantac imodium synthroid thyroxine levothyroxine
        estrogen estradiol progesterone testosterone viagra cialis propecia accutane humira enbrel methotrexate
        tamoxifen truvada prep amoxicillin penicillin antibiotic antibiotics antibiotika antihistamine epipen
        steroid steroids statin statins opiate benzo benzos""",
    "taken like a medicine, prescribed or not": """
        supplement supplements vitamin vitamins magnesium iron zinc calcium creatine ashwagandha valerian baldrian
        cbd thc cannabis marijuana weed kratom ketamine psilocybin nicotine vape vaping snus smoking cigarette
        cigarettes""",
    "worn or done because somebody who cares for a person said so": """
        cpap bipap oxygen pacemaker catheter splint brace compression contraception contraceptive condom mirena
        meds medicine medication medications prescription therapy therapist psychotherapy counselling counseling
        counsellor counselor psychologist psychiatrist psychoanalysis cbt dbt emdr act tms ect aa na detox sobriety
        vaccine infusion transfusion chemotherapy radiation sleepio somryst somnio deprexis hellobetter selfapy
        velibra novego minddoc woebot wysa cerebral brightside teladoc betterhelp talkspace""",
    "going without food is nothing that chance may ask for": "fasting diet dieting keto",
}
"""What no plan is about, by why: medicines and care as people write them."""
HABITS = frozenset(word for words in KNOWN.values() for word in words.split())
NAMES = frozenset(word for words in NEVER.values() for word in words.split())
CARE = re.compile(
    r"therap|terap|physio|chemo|dialys|analys|rehab|treatment|clinic|klinik|doctor|hospital|surgery|injection|vaccin"
    r"|impfung|pill(?!ow)|tablet|capsule|dose\b|dosage|insulin|ssri|snri|antidepress|antipsychot|antibiot|betablock"
    r"|beta-block|inhaler|hormon|medica|medika|medicin|medizin|arznei|pastill|psychiat|counsel|prescri|supplement"
    r"|vitamin|opioid|steroid"
    r"|\w{2}(?:traline|oxetine|faxine|prams?|zepam|zolam|olol|statin|idone|cillin|mycin|phenidate|fetamine|fetamin"
    r"|phetamine|thyrox\w*|formin|codone|morph(?:in|ine|one)|triptan|sartan|propion|razodone|trigine|pentin|farin"
    r"|glutide|profen|azole|prazole|gliptin|gliflozin|xaban|gatran|parin|grel|cycline|floxacin|dronate|dronic|lukast"
    r"|terol|solone|nisone|tasone|tisone|onide|caine|setron|triptyline|pramine|barbital|giline|afinil|facine|nidine"
    r"|dralazine|promazine|thiazide|semide|lactone|fibrate|estrol|estradiol|gesterone|gestrel|trexone|loxone"
    r"|norphine|zumab|ximab|limumab|tinib|clovir|navir|mectin|lamide|racetam|piramate|prednis\w*|zodone|zodon)\b"
    r"|\w{2}(?:coxib|peridol|voxamine|melatine|pidem|piclone|hydramine|ylamine|pamil|tiazem|glargine|epatide|natide"
    r"|epiride|steride|imibe|dopa|pexole|nirole|pezil|mantine|umab|adol|gabalin|thioprine|salazine|roquine|chicine"
    r"|purinol|tidine|clopramide|peramide)\b"
    r"|\w{3}(?:pine|pril|afil|osin|vir)\b"
)
"""Words of care, and endings of the names of medicines."""
LONG_NAME = 6
"""A name of so many letters is found inside of a longer word too."""
NEAR = 0.8
FEWEST_LETTERS = 4


def judge_word(word: str) -> Standing:
    """Judge what a word is; a word of care wins over everything, a known habit over what only looks like care."""
    text = fold(word)
    if is_care(text):
        return "care"
    if is_habit(text):
        return "habit"
    return "near" if find_near(text, NAMES) else "unknown"


def fold(word: str) -> str:
    """A word in lower case, without accents."""
    plain = unicodedata.normalize("NFKD", word.strip().casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def split(text: str) -> list[str]:
    """The words in a folded text: 'zoloft-50' holds zoloft."""
    return re.findall(r"[^\W\d_]+", text)


def is_care(text: str) -> bool:
    """Whether a folded text names care, or ends like a medicine."""
    if not NAMES.isdisjoint(split(text)) or CARE.search(text):
        return True
    return any(name in text for name in NAMES if len(name) >= LONG_NAME)


def is_habit(text: str) -> bool:
    """Whether a folded text is a known habit, or one behind words such as 'morning'."""
    *before, last = text.split("-")
    return text in HABITS or (last in HABITS and all(part in QUALIFIERS | HABITS for part in before))


def find_near(text: str, names: Collection[str]) -> str | None:
    """The name that a word of a folded text is spelled most like, if it is like any."""
    for part in [text, *split(text)]:
        if len(part) >= FEWEST_LETTERS and part not in HABITS | QUALIFIERS:
            near = difflib.get_close_matches(part, sorted(names), n=1, cutoff=NEAR)
            if near:
                return near[0]
    return None
